"""NIST as mteval-v13a defines it, spelled out, and as nltk computes it, for tests/metrics/nist_test.ts.

    bench/rivals.sh scripts/oracles/metrics_nist.py [PATH_WITH_NLTK_3.9.1]

Prints the scores of the test's texts: one reference each by both (they agree there; nltk takes the best of several
references, mteval all of them), several references by mteval's formula.
"""

import math
import sys
from collections import Counter

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

ORDERS = range(1, 6)
HYPOTHESES = [
    "The Vaults is a cheap pub near Café Adriatic, with 5 stars.",
    "There is a pub called The Wrestlers that serves cheap food in the city centre, by the river.",
    "A coffee shop.",
]
REFERENCES = [
    ["The Vaults pub near Café Adriatic has a 5 star rating.", "The Vaults is a pub near Café Adriatic with 5 stars."],
    [
        "The Wrestlers is a cheap pub in the city centre, by the river.",
        "In the city centre by the river, the Wrestlers pub serves cheap food and cheap drinks.",
        "Cheap food is served in the city centre at The Wrestlers, by the river.",
    ],
    ["Aromi is a coffee shop in the city centre."],
]


def tokens(line: str, lowercase: bool) -> list[str]:
    return Tokenizer13a()(line.lower() if lowercase else line).split()


def ngrams(words: list[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]


def nist(hypotheses: list[list[str]], references: list[list[list[str]]]) -> float:
    counts: Counter = Counter()
    for words in (words for group in references for words in group):
        counts[()] += len(words)
        for order in ORDERS:
            counts.update(ngrams(words, order))
    gained, total = Counter(), Counter()
    for words, group in zip(hypotheses, references, strict=True):
        for order in ORDERS:
            most: Counter = Counter()
            for reference in group:
                most |= Counter(ngrams(reference, order))
            for ngram, count in Counter(ngrams(words, order)).items():
                total[order] += count
                if ngram in most:
                    gained[order] += min(count, most[ngram]) * math.log2(counts[ngram[:-1]] / counts[ngram])
    score = sum(gained[order] / total[order] for order in ORDERS if total[order])
    length = sum(sum(map(len, group)) / len(group) for group in references)
    ratio = sum(map(len, hypotheses)) / length
    return score * (1 if ratio >= 1 else math.exp(math.log(0.5) / math.log(1.5) ** 2 * math.log(ratio) ** 2))


def main() -> None:
    sys.path[:0] = sys.argv[1:]
    for lowercase in (False, True):
        hypotheses = [tokens(line, lowercase) for line in HYPOTHESES]
        references = [[tokens(line, lowercase) for line in group] for group in REFERENCES]
        first = [group[:1] for group in references]
        print("lower case" if lowercase else "as written", nist(hypotheses, first), nist(hypotheses, references))
        try:
            from nltk.translate.nist_score import corpus_nist

            print("  nltk, first reference", corpus_nist(first, hypotheses))
        except ImportError:
            print("  nltk is not there")


if __name__ == "__main__":
    main()
