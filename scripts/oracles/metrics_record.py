"""Records what the Python packages say, for the committed tests: writes tests/data/metrics/.

    python scripts/oracles/metrics_record.py --checks DIR --data DIR

DIR of --checks holds the published outputs (wmt17_en_de, commongen_bart, sacrebleu_unit,
rouge_155), that of --data the data sets (commongen/dev.jsonl).
"""

import argparse
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
from metrics_compare import columns, oracle_scores
from metrics_pairs import pairs as generate_pairs
from nltk.stem.porter import PorterStemmer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

OUT = Path(__file__).resolve().parents[2] / "tests/data/metrics"
SHORT_PAIRS = 250
WMT_LINES = 150
WORDS = 4000


def write(name, value):
    path = OUT / name
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # One entry a line at the top two levels keeps differences readable.
    path.write_text(text.replace(',"name":', ',\n"name":') + "\n", "utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def rounded(value):
    return round(float(value), 8)


def record_pairs():
    """Random and hostile pairs, short and long, with a choice of scores."""
    data = generate_pairs(SHORT_PAIRS, seed=2)
    hypotheses, references = [h for h, _ in data], [r for _, r in data]
    chosen = re.compile(
        r"bleu (13a|intl) (false exp  true|true floor 0.5 false)|bleu (char|none) false add-k  true"
        r"|bleu 13a false (none|exp|floor|add-k)  false|chrf|ter|rouge"
    )
    scores = [
        {
            "name": name,
            "corpus": rounded(corpus),
            "segments": [rounded(x) for x in segments],
            "signature": signature,
            "detail": detail,
        }
        for name, corpus, segments, signature, detail in oracle_scores(hypotheses, references)
        if chosen.match(name)
    ]
    write("pairs.json", {"pairs": data, "scores": scores})


def record_wmt(checks):
    """The first lines of three systems, with scores and the paired bootstrap test."""
    wmt = checks / "wmt17_en_de"
    read = lambda path: path.read_text("utf-8").split("\n")[:WMT_LINES]
    references = [read(wmt / "reference.de")]
    systems = [(path.name, read(path)) for path in sorted(wmt.glob("*.*.de"))]
    systems = [system for system in systems if system[0] != "reference.de"]
    metrics = {"BLEU": BLEU(), "chrF2": CHRF(), "chrF2++": CHRF(word_order=2), "TER": TER()}
    signatures, results = PairedTest(systems, metrics, references, test_type="bs", n_samples=300)()
    names = results.pop("System")
    write(
        "wmt17_en_de.json",
        {
            "references": references[0],
            "systems": [
                {
                    "name": name,
                    "hypotheses": hypotheses,
                    "scores": {
                        metric: {
                            "signature": signatures[metric].format(),
                            "line": metrics[metric].corpus_score(hypotheses, references).format(),
                            **{
                                key: None if value is None else rounded(value)
                                for key, value in results[metric][k].__dict__.items()
                            },
                        }
                        for metric in results
                    },
                }
                for k, (name, hypotheses) in enumerate(systems)
            ],
        },
    )


def record_commongen(checks, data):
    """BART's outputs with their references; the published figures stand in the test."""
    outputs = iter((checks / "commongen_bart/bart.dev").read_text("utf-8").split("\n"))
    rows = []
    for line in (data / "commongen/dev.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        lines = [next(outputs) for _ in row["references"]]
        rows.append({**row, "outputs": lines if len(set(lines)) > 1 else lines[:1]})
    path = OUT / "commongen_bart.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def record_stems(data):
    """Porter stems of words of CommonGen, of the same with other endings, and of random letters."""
    rng = random.Random(3)
    text = (data / "commongen/train.tgt").read_text("utf-8").lower()
    real = sorted(set(re.findall("[a-z0-9]+", text)))
    endings = (
        "s es ies ss sses ed ied eed ing y ational tional enci anci izer bli alli entli eli ousli "
        "ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative "
        "alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent ion ou ism ate "
        "iti ous ive ize e ll lls lly"
    ).split()
    words = rng.sample(real, WORDS // 2)
    words += [rng.choice(real)[: rng.randrange(1, 8)] + rng.choice(endings) for _ in range(WORDS // 3)]
    words += ["".join(rng.choices("aeiouybcdlst", k=rng.randrange(1, 10))) for _ in range(WORDS // 6)]
    words += "sky skies dying lying tying news innings outings cannings howe proceed exceed".split()
    stem = PorterStemmer().stem
    write("stems.json", [f"{word} {stem(word)}" for word in words])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checks", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    record_pairs()
    record_wmt(arguments.checks)
    record_commongen(arguments.checks, arguments.data)
    record_stems(arguments.data)
    draws = np.random.default_rng(12345).choice(10, size=40)
    write("pcg64.json", {"seed": 12345, "below": 10, "draws": draws.tolist()})
    cases = json.loads((arguments.checks / "sacrebleu_unit/cases.json").read_text("utf-8"))
    write("sacrebleu_cases.json", cases)
    for path in sorted((arguments.checks / "rouge_155").glob("*.t*")):
        target = OUT / f"rouge155_{path.name}"
        shutil.copyfile(path, target)
        target.chmod(0o644)


if __name__ == "__main__":
    main()
