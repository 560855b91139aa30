"""MBR as it is usually run: a plain k² loop in Python. The baseline of bench/mbr.ts.

    python bench/mbr_baseline.py {once,pair} < candidates.jsonl

Selects among each line's candidates by sentence BLEU-4 with +1 smoothing, the same formula and words
as ardiff's utility "bleu", and prints {"seconds": ..., "choices": [index of each line's choice]}.
`once` splits every candidate into words once; `pair` does so for both texts of every pair, as the
scripts do that call a BLEU function on two strings. Reading the input is not timed.
"""

import json
import math
import re
import sys
import time
from collections import Counter

SYMBOL = re.compile(r"([!-&(-+/:-@\[-`{-~])")
MARK_AFTER_NON_DIGIT = re.compile(r"([^0-9])([.,])")
MARK_BEFORE_NON_DIGIT = re.compile(r"([.,])([^0-9])")
HYPHEN_AFTER_DIGIT = re.compile(r"([0-9])-")


def words(text):
    text = SYMBOL.sub(r" \1 ", f" {text} ")
    text = MARK_AFTER_NON_DIGIT.sub(r"\1 \2 ", text)
    text = MARK_BEFORE_NON_DIGIT.sub(r" \1 \2", text)
    return HYPHEN_AFTER_DIGIT.sub(r"\1 - ", text).lower().split()


def ngrams(tokens, n):
    return Counter(zip(*(tokens[i:] for i in range(n))))


def bleu(reference, hypothesis):
    if not hypothesis:
        return 0.0
    product = 1.0
    for n in range(1, 5):
        wanted, found = ngrams(reference, n), ngrams(hypothesis, n)
        matches = sum(min(count, wanted[ngram]) for ngram, count in found.items())
        product *= (matches + 1) / (max(len(hypothesis) - n + 1, 0) + 1)
    penalty = math.exp(min(0.0, 1 - len(reference) / len(hypothesis)))
    return penalty * product**0.25


def bleu_of_texts(reference, hypothesis):
    return bleu(words(reference), words(hypothesis))


def select(candidates, utility):
    best, best_score = 0, -math.inf
    for i, h in enumerate(candidates):
        scores = [utility(h, other) for j, other in enumerate(candidates) if j != i]
        score = sum(scores) / len(scores)
        if score > best_score:
            best, best_score = i, score
    return best


def main():
    inputs = [json.loads(line)["candidates"] for line in sys.stdin]
    start = time.perf_counter()
    if sys.argv[1] == "once":
        choices = [select([words(text) for text in texts], bleu) for texts in inputs]
    else:
        choices = [select(texts, bleu_of_texts) for texts in inputs]
    print(json.dumps({"seconds": time.perf_counter() - start, "choices": choices}))


if __name__ == "__main__":
    main()
