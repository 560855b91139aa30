"""Reads what `ardiff train` reads, for its autoregressive twin: a TOML configuration, its data sets, its tokenizer.

The formats and defaults are those of src/text/data_spec.ts and src/training/options.ts; paths are taken from the
working directory, as there.
"""

import csv
import json
import random
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tokenizers import Tokenizer

SPECIAL_NAMES = {
    "pad": ["<pad>", "[PAD]"],
    "begin": ["<s>", "[CLS]", "<bos>"],
    "end": ["</s>", "[SEP]", "<eos>", "<|endoftext|>"],
}
POOL = 100  # batches among which rows are sorted by length, as in src/training/data_order.ts


@dataclass(frozen=True)
class Sizes:
    """What the twin's network is made of, all of it from ardiff's configuration but the vocabulary."""

    vocabulary: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    encoder_inner: int
    decoder_inner: int
    source_tokens: int  # longest source, end token included
    target_tokens: int  # longest target, end token included
    pad: int
    begin: int
    end: int

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: Path) -> "Sizes":
        return Sizes(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Example:
    """A source and all texts that are right for it."""

    source: str
    references: list[str]


@dataclass(frozen=True)
class Pair:
    """Token ids of one training pair, each with the end token."""

    source: list[int]
    target: list[int]


def fail(message: str) -> None:
    sys.exit(message)


def read_config(path: str) -> dict:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        fail(f'Cannot read configuration "{path}": {error}')


def read_tokenizer(path: str) -> Tokenizer:
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # the package raises plain Exception
        fail(f'Cannot read tokenizer "{path}": {error}')


def sizes_of(config: dict, tokenizer: Tokenizer) -> Sizes:
    """The twin's sizes: those of the configuration's network, with ardiff's defaults."""
    network, text = config.get("network", {}), config.get("text", {})
    width = network.get("hidden_size", 128)
    end = special_id(tokenizer, "end")
    if end is None:
        fail(f"Cannot use this tokenizer: expected an end token, one of {', '.join(SPECIAL_NAMES['end'])}")
    begin, pad = special_id(tokenizer, "begin"), special_id(tokenizer, "pad")
    return Sizes(
        vocabulary=tokenizer.get_vocab_size(),
        width=width,
        heads=network.get("attention_heads", 8),
        encoder_layers=network.get("encoder_layers", 6),
        decoder_layers=network.get("decoder_layers", 6),
        encoder_inner=network.get("encoder_ffn_size", 512),
        decoder_inner=4 * width,
        source_tokens=text.get("max_source_tokens", 512),
        target_tokens=text.get("target_slots", 54),
        pad=end if pad is None else pad,
        begin=end if begin is None else begin,
        end=end,
    )


def special_id(tokenizer: Tokenizer, kind: str) -> int | None:
    ids = (tokenizer.token_to_id(name) for name in SPECIAL_NAMES[kind])
    return next((id_ for id_ in ids if id_ is not None), None)


def data_set(config: dict, name: str) -> dict:
    """A data set's table; of a list, the set that is there from the start: a twin distils nothing."""
    found = config.get("data", {}).get(name)
    if found is None:
        fail(f"Cannot find data.{name} in the configuration")
    return found[0] if isinstance(found, list) else found


def read_examples(spec: dict) -> list[Example]:
    """A data set's examples; equal sources become one where it says group_sources."""
    try:
        examples = list(read_format(spec))
    except (OSError, KeyError, IndexError, ValueError) as error:
        fail(f'Cannot read data "{spec.get("file", spec.get("source_file"))}": {error!r}')
    if not spec.get("group_sources", False):
        return examples
    groups: dict[str, list[str]] = {}
    for example in examples:
        groups.setdefault(example.source, []).extend(example.references)
    return [Example(source, references) for source, references in groups.items()]


def read_format(spec: dict) -> Iterator[Example]:
    if spec["format"] == "text":
        with open_text(spec["source_file"]) as sources, open_text(spec["target_file"]) as targets:
            for source, target in zip(sources, targets, strict=True):
                yield Example(source.rstrip("\r\n"), [target.rstrip("\r\n")])
    elif spec["format"] == "jsonl":
        with open_text(spec["file"]) as lines:
            for line in filter(str.strip, lines):
                record = json.loads(line)
                source = strings_at(record, spec.get("source", "source"))
                yield Example(" ".join(source), strings_at(record, spec.get("target", "target")))
    else:
        yield from read_table(spec)


def read_table(spec: dict) -> Iterator[Example]:
    tabs = spec["format"] == "tsv"
    delimiter = spec.get("delimiter", "\t" if tabs else ",")
    columns = [spec.get("source", 1), spec.get("target", 2)]
    header = spec.get("header", any(isinstance(column, str) for column in columns))
    with open(spec["file"], encoding="utf-8-sig", newline="") as file:
        if tabs:
            rows = (line.rstrip("\r\n").split(delimiter) for line in file if line.rstrip("\r\n"))
        else:
            rows = (row for row in csv.reader(file, delimiter=delimiter) if row)
        names = next(rows) if header else []
        places = [names.index(column) if isinstance(column, str) else column - 1 for column in columns]
        for row in rows:
            source, target = (on_one_line(row[place]) for place in places)
            yield Example(source, [target])


def open_text(path: str):
    return open(path, encoding="utf-8-sig", newline="\n")


def strings_at(record: dict, path: str) -> list[str]:
    value = record
    for name in path.split("."):
        value = value[name]
    return [on_one_line(text) for text in (value if isinstance(value, list) else [value])]


def on_one_line(field: str) -> str:
    return re.sub(r"[ \t]*[\r\n]+[ \t]*", " ", field)


def encode_all(tokenizer: Tokenizer, texts: list[str], longest: int, end: int) -> list[list[int]]:
    """Ids of texts, each cut to `longest` with its end token."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    return [encoding.ids[: longest - 1] + [end] for encoding in encodings]


def encode_pairs(tokenizer: Tokenizer, examples: list[Example], sizes: Sizes) -> list[Pair]:
    flat = [(example.source, reference) for example in examples for reference in example.references]
    sources = encode_all(tokenizer, [source for source, _ in flat], sizes.source_tokens, sizes.end)
    targets = encode_all(tokenizer, [target for _, target in flat], sizes.target_tokens, sizes.end)
    return [Pair(source, target) for source, target in zip(sources, targets)]


def spaced(items: list, count: int) -> list:
    """At most `count` items at equal distances."""
    taken = min(len(items), count)
    return [items[index * len(items) // taken] for index in range(taken)]


def batches_without_end(pairs: list[Pair], size: int, seed: int) -> Iterator[list[Pair]]:
    """Batches of pairs of about equal target lengths, every epoch in a new order."""
    epoch = 0
    while True:
        order = random.Random(f"{seed} {epoch}")
        rows = list(range(len(pairs)))
        order.shuffle(rows)
        batches = []
        for start in range(0, len(rows), POOL * size):
            pool = rows[start : start + POOL * size]
            pool.sort(key=lambda row: (len(pairs[row].target), len(pairs[row].source)))
            batches += [pool[i : i + size] for i in range(0, len(pool), size)]
        order.shuffle(batches)
        for batch in batches:
            yield [pairs[row] for row in batch]
        epoch += 1
