"""Compares ardiff's metrics with the Python packages that define them, pair by pair.

    python scripts/oracles/metrics_compare.py --deno deno [--count 5000] [--seed 1] [--slow]
                                              [--checks DIR]

Generates random and hostile pairs (metrics_pairs.py), scores them here with sacrebleu, rouge_score,
NLTK and, where it is installed, pycocoevalcap, and there with scripts/oracles/metrics_scores.ts, and
prints for every score the largest difference over segments and corpus. Exits 1 where one exceeds
what ardiff promises: 0.005 for BLEU and TER, 0.00005 for chrF (of 100) and ROUGE (of 1).
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from metrics_pairs import pairs as generate_pairs
from nltk.tokenize import TreebankWordTokenizer
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import _bootstrap_resample

ROOT = Path(__file__).resolve().parents[2]
CHRF_VARIANTS = {
    "chrf": {},
    "chrf++": {"word_order": 2},
    "chrf++ eps": {"word_order": 2, "eps_smoothing": True},
    "chrf whitespace": {"whitespace": True, "lowercase": True},
    "chrf 3 1 1": {"char_order": 3, "word_order": 1, "beta": 1},
}
TER_VARIANTS = {
    "ter": {},
    "ter cased": {"case_sensitive": True},
    "ter normalized": {"normalized": True},
    "ter asian": {"normalized": True, "no_punct": True, "asian_support": True},
}
# Split into single characters, a line of 10,000 takes the Python implementation of TER hours.
NORMALIZED_TER_LIMIT = 1000


def columns(references):
    """sacreBLEU's orientation: one stream per reference number, None where there is none."""
    width = max(map(len, references))
    return [[r[k] if k < len(r) else None for r in references] for k in range(width)]


def sacrebleu_scores(metric, hypotheses, references, stats=None):
    stats = stats or metric._extract_corpus_statistics(hypotheses, columns(references))
    corpus = metric._aggregate_and_compute([list(s) for s in stats])
    segments = [metric._aggregate_and_compute([list(s)]).score for s in stats]
    return stats, corpus, segments


def oracle_scores(hypotheses, references):
    """Yields (name, corpus score, segment scores, signature, detail)."""
    for tokenize in BLEU.TOKENIZERS & {"13a", "intl", "char", "none"}:
        for lowercase in (False, True):
            stats = None
            for method in BLEU.SMOOTH_DEFAULTS:
                for value in (None, 0.5) if method in ("floor", "add-k") else (None,):
                    for effective in (False, True):
                        metric = BLEU(
                            tokenize=tokenize, lowercase=lowercase, smooth_method=method,
                            smooth_value=value, effective_order=effective,
                        )
                        metric.num_refs = number_of_references(references)
                        stats, corpus, segments = sacrebleu_scores(
                            metric, hypotheses, references, stats
                        )
                        name = f"bleu {tokenize} {js(lowercase)} {method} {value or ''} {js(effective)}"
                        yield name, corpus.score, segments, metric.get_signature().format(), corpus._verbose
    for variants, kind in ((CHRF_VARIANTS, CHRF), (TER_VARIANTS, TER)):
        for name, options in variants.items():
            metric = kind(**options)
            chosen = [
                (h, r)
                for h, r in zip(hypotheses, references)
                if not options.get("normalized") or max(map(len, (h, *r))) < NORMALIZED_TER_LIMIT
            ]
            _, corpus, segments = sacrebleu_scores(metric, *zip(*chosen))
            yield name, corpus.score, segments, metric.get_signature().format(), None
    for stem in (False, True):
        scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=stem)
        scores = [scorer.score_multi(r, h) for h, r in zip(hypotheses, references)]
        for variant in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
            for measure in ("precision", "recall", "fmeasure"):
                segments = [getattr(s[variant], measure) for s in scores]
                name = f"rouge {js(stem)} {variant} {measure.replace('fmeasure', 'f1')}"
                yield name, sum(segments) / len(segments), segments, None, None


def js(value):
    return "true" if value else "false"


def number_of_references(references):
    counts = set(map(len, references))
    return counts.pop() if len(counts) == 1 else -1


def tolerance(name):
    return 0.005 if name.startswith(("bleu", "ter")) else 0.00005


def treebank(text):
    """NLTK's Treebank tokens with the period of every sentence split off."""
    out = []
    for token in TreebankWordTokenizer().tokenize(" ".join(text.split())):
        if len(token) > 2 and token.find(".") == len(token) - 1:
            out += [token[:-1], "."]
        else:
            out.append(token)
    return out


class Report:
    def __init__(self):
        self.failures = 0
        self.worst = {}

    def difference(self, name, value, limit):
        family = name.split(" ")[0]
        self.worst[family] = max(self.worst.get(family, 0), value)
        if not value <= limit:
            self.failures += 1
            print(f"  DIFFERS  {name}: {value:.3g}")

    def equal(self, name, ours, theirs):
        if ours != theirs:
            self.failures += 1
            print(f"  DIFFERS  {name}\n    ardiff {ours}\n    oracle {theirs}")


def compare(title, data, arguments, report):
    print(f"{title}: {len(data)} pairs", flush=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(data, file)
        file.flush()
        start = time.time()
        command = [arguments.deno, "run", "--frozen", f"--allow-read={file.name}",
                   "scripts/oracles/metrics_scores.ts", file.name]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        ours_seconds = time.time() - start
    ours = json.loads(output)
    scores = {score["name"]: score for score in ours["scores"]}
    start = time.time()
    hypotheses, references = [h for h, _ in data], [r for _, r in data]
    for name, corpus, segments, signature, detail in oracle_scores(hypotheses, references):
        mine = scores.pop(name)
        gaps = np.abs(np.array(mine["segments"]) - np.array(segments))
        report.difference(f"{name} segment {gaps.argmax()}", float(gaps.max()), tolerance(name))
        report.difference(f"{name} corpus", abs(mine["corpus"] - corpus), tolerance(name))
        if signature:
            report.equal(name + " signature", mine["signature"].replace("-ardiff", ""), signature)
        if detail:
            report.equal(name + " detail", mine["detail"], detail)
    report.equal("scores without an oracle", list(scores), [])

    few_h, few_r = hypotheses[: ours["subset"]], references[: ours["subset"]]
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        stats = metric._extract_corpus_statistics(few_h, columns(few_r))
        _, resampled = _bootstrap_resample(stats, metric, len(ours["resampled"][name]))
        gaps = np.abs(np.array([s.score for s in resampled]) - np.array(ours["resampled"][name]))
        # sacreBLEU resamples in float32.
        report.difference(f"bootstrap {name}", float(gaps.max()), 0.0005)
    metric = BLEU(effective_order=True)
    selves = [
        metric.sentence_score(h, few_h[:k] + few_h[k + 1 :]).score for k, h in enumerate(few_h)
    ]
    report.difference("self-bleu", abs(np.mean(selves) - ours["selfBleu"]), 0.005)

    texts = [t for h, r in data for t in (h, *r)]
    tokens = [t for row in ours["treebank"] for t in row]
    strange = [t for t, mine in zip(texts, tokens) if treebank(t) != mine]
    report.equal("treebank tokens", strange[:3], [])
    try:
        from pycocoevalcap.bleu.bleu_scorer import BleuScorer
        from pycocoevalcap.cider.cider_scorer import CiderScorer
    except ImportError:
        print("  pycocoevalcap is not installed: COCO BLEU and CIDEr-D not compared")
    else:
        bleu, cider = BleuScorer(n=4), CiderScorer(n=4, sigma=6.0)
        for row in ours["treebank"]:
            h, *r = [" ".join(t) for t in row]
            bleu += (h, r)
            cider += (h, r)
        expected, _ = bleu.compute_score(option="closest", verbose=0)
        gap = np.abs(np.array(expected) - np.array(ours["cocoBleu"])).max()
        report.difference("coco-bleu", float(gap), 0.00005)
        report.difference("cider", abs(cider.compute_score()[0] - ours["cider"]), 0.00005)
    print(f"  ardiff {ours_seconds:.1f} s, oracles {time.time() - start:.1f} s", flush=True)


def check_sets(folder):
    """Real outputs: (title, pairs) of the WMT17 systems and of BART on CommonGen."""
    wmt = folder / "wmt17_en_de"
    read = lambda path: path.read_text("utf-8").removesuffix("\n").split("\n")
    references = read(wmt / "reference.de")
    for system in sorted(wmt.glob("*.*.de")):
        yield system.name, [(h, [r]) for h, r in zip(read(system), references, strict=True)]
    sets = [json.loads(line) for line in read(folder.parent / "data/commongen/dev.jsonl")]
    outputs = iter(read(folder / "commongen_bart" / "bart.dev"))
    yield "bart.dev", [
        ([next(outputs) for _ in s["references"]][0], s["references"]) for s in sets
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deno", default="deno", help="the deno executable")
    parser.add_argument("--count", type=int, default=5000, help="random pairs; 0 for none, long ones included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow", action="store_true", help="add two pairs that take minutes")
    parser.add_argument("--checks", type=Path, help="folder of published outputs to compare on too")
    arguments = parser.parse_args()
    report = Report()
    if arguments.count > 0:
        data = generate_pairs(arguments.count, arguments.seed, arguments.slow)
        compare("random and hostile", data, arguments, report)
    for title, data in check_sets(arguments.checks) if arguments.checks else []:
        compare(title, data, arguments, report)
    print("largest differences:")
    for family, value in report.worst.items():
        print(f"  {family:<10} {value:.2e}")
    print("equal within tolerance" if report.failures == 0 else f"{report.failures} differences")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
