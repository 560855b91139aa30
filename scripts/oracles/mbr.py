"""Records what tests/mbr/ expects: utilities of pairs of texts, and choices among candidates.

Everything here is written the slow and plain way and shares nothing with src/mbr: BLEU from its
formula over sacreBLEU's 13a tokenizer, chrF by sacreBLEU, ROUGE-L by rouge_score, token F1 from
collections.Counter, and selection by comparing every candidate with every other one, duplicates
included.

    python scripts/oracles/mbr.py --sentences dev.jsonl > tests/data/mbr/oracle.json

reads lines {"references": [...]}, such as CommonGen's dev.jsonl (MIT licence).
"""

import argparse
import collections
import json
import math
import random

import regex
from rouge_score import rouge_scorer
from sacrebleu.metrics import CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

HOSTILE = [
    "", " ", "a", "A", ".", "a b", "a b c", "a a a a a a a a", "a a a b a a",
    "The cat, the dog -- 3.14 and 1,000-fold; (end).", "the cat , the dog - - 3.14 and 1,000 -",
    "x1-2 y.z 5.a a.5 .5 5. ,,.. 1.,2", "&lt;b&gt; &amp;quot; &quot;q&quot; <skipped>s",
    "Ein süßer Hund läuft über die Straße.", "EIN SÜSSER HUND LÄUFT ÜBER DIE STRASSE",
    "ΟΔΟΣ ΟΔΟΣ. ὀδός", "İstanbul ISTANBUL istanbul", "我喜欢狗。我喜欢猫。", "我不喜欢狗。", "🐕 runs 🐈 sleeps 🐕", "👩\u200d👩\u200d👧 👩",
    "cafe\u0301 café", "a\u00a0b\u3000c\u2028d\u1680e", "\ufeffa b", "it's n't can't", "tab\tand  two  spaces",
    " ".join(f"w{i % 40}" for i in range(100)), " ".join(f"w{i % 37}" for i in range(70)),
]


# Letters of scripts written without spaces are words of their own.
SPACELESS = regex.compile(
    "[" + "".join(rf"\p{{Script={name}}}" for name in (
        "Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")) + r"]\p{M}*"
)


def words(text):
    return TOKENIZER(SPACELESS.sub(r" \g<0> ", text)).lower().split()


TOKENIZER = Tokenizer13a()


def ngrams(tokens, n):
    return collections.Counter(tuple(tokens[i:i + n]) for i in range(len(tokens) - n + 1))


def bleu(reference, hypothesis):
    reference, hypothesis = words(reference), words(hypothesis)
    log_precision = 0.0
    for n in range(1, 5):
        wanted, found = ngrams(reference, n), ngrams(hypothesis, n)
        matches = sum(min(count, wanted[ngram]) for ngram, count in found.items())
        log_precision += math.log((matches + 1) / (sum(found.values()) + 1)) / 4
    if not hypothesis:
        return 0.0
    penalty = math.exp(min(0, 1 - len(reference) / len(hypothesis)))
    return penalty * math.exp(log_precision)


def chrf(reference, hypothesis):
    return CHRF().sentence_score(hypothesis, [reference]).score / 100


class Words:
    tokenize = staticmethod(words)


def rouge_l(reference, hypothesis):
    scorer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Words())
    return scorer.score(reference, hypothesis)["rougeL"].fmeasure


def token_f1(reference, hypothesis):
    reference, hypothesis = words(reference), words(hypothesis)
    common = sum((collections.Counter(reference) & collections.Counter(hypothesis)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(hypothesis), common / len(reference)
    return 2 * precision * recall / (precision + recall)


UTILITIES = {"bleu": bleu, "chrf": chrf, "rouge-l": rouge_l, "token-f1": token_f1}


def select(candidates, weights, utility):
    expected = []
    for i, h in enumerate(candidates):
        others = [j for j in range(len(candidates)) if j != i]
        weight = sum(weights[j] for j in others)
        total = sum(weights[j] * utility(h, candidates[j]) for j in others)
        expected.append(total / weight)
    # Of candidates with next to no words beside the others, none is chosen.
    lengths = [len(words(candidate)) for candidate in candidates]
    median = sorted(lengths)[len(lengths) // 2]
    real = [i for i, length in enumerate(lengths) if 3 * length >= median]
    best = max(expected[i] for i in real)
    index = next(i for i in real if expected[i] >= best - 1e-12)
    return index, expected


def perturb(rng, sentence, vocabulary, rate):
    result = []
    for word in sentence.split():
        draw = rng.random()
        if draw < rate / 2:
            result.append(rng.choice(vocabulary))
        elif draw < rate * 0.8:
            continue
        elif draw < rate:
            result += [word, word]
        else:
            result.append(word)
    return " ".join(result)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", required=True)
    rng = random.Random(2305)
    with open(parser.parse_args().sentences, encoding="utf-8") as lines:
        groups = [json.loads(line)["references"] for line in lines]
    vocabulary = [word for group in groups for sentence in group for word in sentence.split()]

    texts = HOSTILE + [sentence for group in rng.sample(groups, 6) for sentence in group[:3]]
    pairs = [(i, j) for i in range(len(texts)) for j in range(len(texts))]
    pairs = [(i, i) for i in range(len(texts))] + rng.sample(pairs, 250)

    sets = []
    for k in [2, 3, 5, 8, 20, 20, 40]:
        group = rng.choice(groups)
        candidates = [perturb(rng, rng.choice(group), vocabulary, rng.random() / 2)
                      for _ in range(k)]
        # A third are repetitions of others, as a model that is sure of itself makes them.
        for i in rng.sample(range(k), k // 3):
            candidates[i] = rng.choice(candidates)
        sets.append((candidates, None))
        sets.append((candidates, [round(rng.random(), 3) for _ in range(k)]))
    sets.append((["b a", "a b", "c d", "d c"], None))
    sets.append((["same"] * 4, None))
    sets.append((["", "", "a b c", "a b c d"], None))

    json.dump({
        "texts": texts,
        "words": [words(text) for text in texts],
        "pairs": [{"reference": i, "hypothesis": j,
                   **{name: f(texts[i], texts[j]) for name, f in UTILITIES.items()}}
                  for i, j in pairs],
        "selections": [{"candidates": c, **({"weights": w} if w else {}),
                        **{name: dict(zip(["index", "expectedUtility"],
                                          select(c, w or [1] * len(c), f)))
                           for name, f in UTILITIES.items()}} for c, w in sets],
    }, open(1, "w", encoding="utf-8"), ensure_ascii=False)


if __name__ == "__main__":
    main()
