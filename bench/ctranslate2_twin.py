"""The twin in CTranslate2, the fastest Transformer inference there is for CPUs: what ardiff's speed is held against.

    bench/rivals.sh bench/ctranslate2_twin.py convert --twin runs/twin --output runs/twin-ctranslate2
    bench/rivals.sh bench/ctranslate2_twin.py convert --random --config configs/tatoeba-en-fr-small.toml \
      --tokenizer models/tatoeba-en-fr-small/tokenizer.json --output runs/random-ctranslate2
    bench/rivals.sh bench/ctranslate2_twin.py check --model runs/twin-ctranslate2 --twin runs/twin \
      --config configs/tatoeba-en-fr-small.toml
    bench/rivals.sh bench/ctranslate2_twin.py measure --model runs/twin-ctranslate2 \
      --config configs/tatoeba-en-fr-small.toml [--turns 3] [--forced-lengths]

`convert` writes a twin's weights, or random ones of the same sizes, through CTranslate2's specifications. `check` says
for how many dev sources the converted model writes the PyTorch twin's greedy text, and fails below 99 %. `measure`
translates the dev sources on one thread, setting after setting, by turns, and prints a JSON object for each: medians of
processor time, from text to text, tokenisation included. Random weights do not know when to end: --forced-lengths gives
every output the length of its source's first reference, and batches rows of one length. `serve` says first what it runs
on, then does one run for every line of its standard input, {"compute_type", "beam", "batch", "lines"}, for
bench/calls.ts.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one thread, of which processor time is measured

import ctranslate2
import torch
from ctranslate2.specs import LayerSpec, TransformerSpec, common_spec
from tokenizers import Tokenizer
from torch import nn
from twin import bleu, load_twin
from twin_data import (
    Example,
    Sizes,
    data_set,
    encode_all,
    fail,
    read_config,
    read_examples,
    read_tokenizer,
    sizes_of,
)
from twin_network import CrossAttention, FeedForward, SelfAttention, Twin
from twin_search import translate

NEEDED_AGREEMENT = 0.99


@dataclass(frozen=True)
class Setting:
    compute_type: str
    beam: int
    batch: int
    lines: int | None = None  # only so many sources, the first


SETTINGS = [
    Setting("float32", 1, 32),
    Setting("int8", 1, 32),
    Setting("float32", 5, 32),
    Setting("int8", 5, 32),
    Setting("float32", 1, 1, 500),
    Setting("int8", 1, 1, 500),
]


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    arguments.run(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    conversion = commands.add_parser("convert")
    conversion.set_defaults(run=convert)
    weights = conversion.add_mutually_exclusive_group(required=True)
    weights.add_argument("--twin", type=Path, help="folder that bench/twin.py train wrote")
    weights.add_argument("--random", action="store_true", help="random weights; needs --config and --tokenizer")
    conversion.add_argument("--config", help="a configuration of ardiff train")
    conversion.add_argument("--tokenizer", help="tokenizer.json")
    conversion.add_argument("--output", required=True, type=Path)

    checking = commands.add_parser("check")
    checking.set_defaults(run=check)
    checking.add_argument("--twin", required=True, type=Path)

    measuring = commands.add_parser("measure")
    measuring.set_defaults(run=measure)
    measuring.add_argument("--turns", type=int, default=3)
    measuring.add_argument("--forced-lengths", action="store_true")

    serving = commands.add_parser("serve")
    serving.set_defaults(run=serve)

    for command in (checking, measuring, serving):
        command.add_argument("--model", required=True, type=Path, help="folder that convert wrote")
        command.add_argument("--config", required=True, help="a configuration of ardiff train")
    for command in (checking, measuring):
        command.add_argument("--lines", type=int, help="only so many sources, the first")
    return parser.parse_args()


# ---------------------------------------------------------------------------- conversion ---------


def convert(arguments: argparse.Namespace) -> None:
    if arguments.twin is not None:
        network, tokenizer_path = load_twin(arguments.twin), str(arguments.twin / "tokenizer.json")
        tokenizer = read_tokenizer(tokenizer_path)
    else:
        if arguments.config is None or arguments.tokenizer is None:
            fail("Cannot make random weights without --config and --tokenizer, which say how many")
        tokenizer_path, tokenizer = arguments.tokenizer, read_tokenizer(arguments.tokenizer)
        torch.manual_seed(0)
        network = Twin(sizes_of(read_config(arguments.config), tokenizer))
    spec = specification(network, tokenizer)
    spec.validate()
    spec.optimize()
    arguments.output.mkdir(parents=True, exist_ok=True)
    spec.save(str(arguments.output))
    network.sizes.save(arguments.output / "sizes.json")
    shutil.copyfile(tokenizer_path, arguments.output / "tokenizer.json")


def specification(network: Twin, tokenizer: Tokenizer) -> TransformerSpec:
    sizes = network.sizes
    spec = TransformerSpec.from_config(
        (sizes.encoder_layers, sizes.decoder_layers),
        sizes.heads,
        pre_norm=True,
        activation=common_spec.Activation.GELU,
    )
    # Both sides multiply embeddings by the root of the width, as the twin does.
    set_tensor(spec.encoder.embeddings[0], "weight", network.embeddings.weight)
    set_tensor(spec.decoder.embeddings, "weight", network.embeddings.weight)
    set_tensor(spec.encoder.position_encodings, "encodings", network.source_positions.weight)
    set_tensor(spec.decoder.position_encodings, "encodings", network.target_positions.weight)
    set_norm(spec.encoder.layer_norm, network.encoder_norm)
    set_norm(spec.decoder.layer_norm, network.decoder_norm)
    set_tensor(spec.decoder.projection, "weight", network.embeddings.weight)
    set_tensor(spec.decoder.projection, "bias", network.bias)
    for layer_spec, layer in zip(spec.encoder.layer, network.encoder):
        set_self_attention(layer_spec.self_attention, layer.attention)
        set_feed_forward(layer_spec.ffn, layer.feed_forward)
    for layer_spec, layer in zip(spec.decoder.layer, network.decoder):
        set_self_attention(layer_spec.self_attention, layer.attention)
        set_cross_attention(layer_spec.attention, layer.cross_attention)
        set_feed_forward(layer_spec.ffn, layer.feed_forward)

    tokens = [tokenizer.id_to_token(id_) for id_ in range(sizes.vocabulary)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.bos_token = spec.config.decoder_start_token = tokens[sizes.begin]
    spec.config.eos_token = tokens[sizes.end]
    spec.config.unk_token = tokens[sizes.pad]  # byte-level tokens leave nothing unknown
    return spec


def set_tensor(spec: LayerSpec, name: str, tensor: torch.Tensor) -> None:
    setattr(spec, name, tensor.detach().numpy())


def set_linear(spec: LayerSpec, linear: nn.Linear) -> None:
    set_tensor(spec, "weight", linear.weight)
    set_tensor(spec, "bias", linear.bias)


def set_norm(spec: LayerSpec, norm: nn.LayerNorm) -> None:
    set_tensor(spec, "gamma", norm.weight)
    set_tensor(spec, "beta", norm.bias)


def set_self_attention(spec: LayerSpec, attention: SelfAttention) -> None:
    set_norm(spec.layer_norm, attention.norm)
    set_linear(spec.linear[0], attention.input)
    set_linear(spec.linear[1], attention.output)


def set_cross_attention(spec: LayerSpec, attention: CrossAttention) -> None:
    set_norm(spec.layer_norm, attention.norm)
    set_linear(spec.linear[0], attention.query)
    set_linear(spec.linear[1], attention.source)
    set_linear(spec.linear[2], attention.output)


def set_feed_forward(spec: LayerSpec, feed_forward: FeedForward) -> None:
    set_norm(spec.layer_norm, feed_forward.norm)
    set_linear(spec.linear_0, feed_forward.input)
    set_linear(spec.linear_1, feed_forward.output)


# ---------------------------------------------------------------------------- translation --------


@dataclass(frozen=True)
class Run:
    processor_seconds: float  # of the whole process, from text to text
    seconds: float  # of the wall clock
    texts: list[str]
    tokens: list[int]  # of every text, end tokens not counted


class Rival:
    """The converted twin, loaded once for every compute type that is asked for; one thread."""

    def __init__(self, folder: Path):
        if not (folder / "model.bin").exists():
            fail(f'Cannot find a CTranslate2 model in "{folder}": make one with bench/ctranslate2_twin.py convert')
        self.folder = folder
        self.sizes = Sizes.load(folder / "sizes.json")
        self.tokenizer = read_tokenizer(str(folder / "tokenizer.json"))
        self.token_of = [self.tokenizer.id_to_token(id_) for id_ in range(self.sizes.vocabulary)]
        self.id_of = {token: id_ for id_, token in enumerate(self.token_of)}
        self.translators: dict[str, ctranslate2.Translator] = {}

    def translator(self, compute_type: str) -> ctranslate2.Translator:
        if compute_type not in self.translators:
            self.translators[compute_type] = ctranslate2.Translator(
                str(self.folder), device="cpu", compute_type=compute_type, inter_threads=1, intra_threads=1
            )
        return self.translators[compute_type]

    def run(self, texts: list[str], setting: Setting, lengths: list[int] | None = None) -> Run:
        """Translates lines.

        :param lengths: tokens that each output is made to have; None for as many as it has by itself
        """
        translator = self.translator(setting.compute_type)
        processor, wall = time.process_time(), time.perf_counter()
        ids = encode_all(self.tokenizer, texts, self.sizes.source_tokens, self.sizes.end)
        sources = [[self.token_of[id_] for id_ in row] for row in ids]
        outputs: list[list[int]] = [[] for _ in sources]
        for rows, options in self.calls(sources, setting, lengths):
            results = translator.translate_batch(
                [sources[row] for row in rows],
                beam_size=setting.beam,
                max_batch_size=setting.batch,
                **options,
            )
            for row, result in zip(rows, results):
                outputs[row] = [self.id_of[token] for token in result.hypotheses[0]]
        decoded = self.tokenizer.decode_batch(outputs, skip_special_tokens=True)
        seconds = time.process_time() - processor, time.perf_counter() - wall
        return Run(*seconds, decoded, [len(output) for output in outputs])

    def calls(
        self, sources: list[list[str]], setting: Setting, lengths: list[int] | None
    ) -> Iterator[tuple[list[int], dict]]:
        """Rows of each call, and its options. One call sorts and batches all rows that it is given."""
        if lengths is None:
            # Without a minimum of 0, CTranslate2 would not let an output be empty.
            free = {"min_decoding_length": 0, "max_decoding_length": self.sizes.target_tokens}
            forced = [free] * len(sources)
        else:
            at_least_one = [max(length, 1) for length in lengths]
            forced = [{"min_decoding_length": length, "max_decoding_length": length} for length in at_least_one]
        if setting.batch == 1:
            yield from (([row], options) for row, options in enumerate(forced))
            return
        groups: dict[int, list[int]] = {}
        for row, options in enumerate(forced):
            groups.setdefault(options["max_decoding_length"], []).append(row)
        for rows in groups.values():
            yield rows, forced[rows[0]]


def dev_examples(arguments: argparse.Namespace) -> list[Example]:
    examples = read_examples(data_set(read_config(arguments.config), "dev"))
    return examples[: getattr(arguments, "lines", None)]


def check(arguments: argparse.Namespace) -> None:
    rival, network = Rival(arguments.model), load_twin(arguments.twin)
    texts = [example.source for example in dev_examples(arguments)]
    sources = encode_all(rival.tokenizer, texts, network.sizes.source_tokens, network.sizes.end)
    expected = rival.tokenizer.decode_batch(translate(network, sources, 1, 64), skip_special_tokens=True)
    found = rival.run(texts, Setting("float32", 1, 32)).texts
    equal = sum(left == right for left, right in zip(expected, found))
    print(json.dumps({"lines": len(texts), "equal": equal}))
    if equal < NEEDED_AGREEMENT * len(texts):
        fail(f"The converted model writes the twin's greedy text for {equal} of {len(texts)} lines only")


def measure(arguments: argparse.Namespace) -> None:
    rival, examples = Rival(arguments.model), dev_examples(arguments)
    lengths = None
    if arguments.forced_lengths:
        references = [example.references[0] for example in examples]
        targets = encode_all(rival.tokenizer, references, rival.sizes.target_tokens, rival.sizes.end)
        lengths = [len(target) - 1 for target in targets]
    texts = [example.source for example in examples]
    for setting in SETTINGS:  # loads and warms up
        rival.run(texts[:64], setting, lengths and lengths[:64])
    runs: dict[Setting, list[Run]] = {setting: [] for setting in SETTINGS}
    for _ in range(arguments.turns):
        for setting in SETTINGS:
            runs[setting].append(rival.run(texts[: setting.lines], setting, lengths and lengths[: setting.lines]))
    for setting, found in runs.items():
        lines = len(found[0].texts)
        seconds = statistics.median(run.processor_seconds for run in found)
        print(
            json.dumps({
                "compute_type": setting.compute_type,
                "beam": setting.beam,
                "batch": setting.batch,
                "lines": lines,
                "lines_per_processor_second": round(lines / seconds, 1),
                "processor_ms_a_line": round(1000 * seconds / lines, 3),
                "wall_ms_a_line": round(1000 * statistics.median(run.seconds for run in found) / lines, 3),
                "tokens_a_line": round(sum(found[0].tokens) / lines, 2),
                "bleu": None if lengths else round(bleu(found[0].texts, examples[:lines]), 2),
            }),
            flush=True,
        )


def serve(arguments: argparse.Namespace) -> None:
    rival = Rival(arguments.model)
    texts = [example.source for example in dev_examples(arguments)]
    print(json.dumps({"ctranslate2": ctranslate2.__version__, "processor": processor_name()}), flush=True)
    for line in sys.stdin:
        setting = Setting(**json.loads(line))
        run = rival.run(texts[: setting.lines], setting)
        print(json.dumps(asdict(run)), flush=True)


def processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown processor")


if __name__ == "__main__":
    main()
