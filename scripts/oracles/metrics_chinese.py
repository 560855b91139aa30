"""Records how sacreBLEU's tokenizer "zh" splits lines: tests/data/metrics/chinese.json.

    python scripts/oracles/metrics_chinese.py [tests/data/metrics/chinese.json]
"""

import json
import random
import sys

from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

LINES = [
    "你好，世界。",
    "我喜欢吃苹果。",
    "今天天气很好 ABC",
    "它花了3.5元,约1,000.5美元(2023年)。",
    "a-b 9-1 &amp; <b> x",
    "ひらがな カタカナ 漢字、ﾊﾝｶｸ",
    "한국어 문장",
    "  𠀀𠀁 extension B  ",
    "“引号”…—— · ™ € ① ☃",
    "\u2001\u2a6d\u2a6e\u3400\uff01！",
    "",
]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "tests/data/metrics/chinese.json"
    tokenize = TokenizerZh()
    draw = random.Random(1)
    # Characters of the basic plane around every edge of a range, in one line each.
    noise = ["".join(chr(draw.randrange(0x2000, 0xD800)) for _ in range(60)) for _ in range(20)]
    noise += ["".join(chr(draw.randrange(0xE000, 0x10000)) for _ in range(60)) for _ in range(10)]
    lines = [{"line": line, "tokens": tokenize(line).split()} for line in LINES + noise]
    hypotheses, references = LINES[:3], ["你好，世界。", "我爱吃苹果。", "今天的天气很好 ABC"]
    score = BLEU(tokenize="zh").corpus_score(hypotheses, [references]).score
    bleu = {"hypotheses": hypotheses, "references": references, "score": score}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"lines": lines, "bleu": bleu}, file, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
