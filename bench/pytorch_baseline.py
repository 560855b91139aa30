"""What ardiff is compared with: the same network written plainly in PyTorch eager, in the reference's style.

The encoder's output is cached and nothing else: cross-attention keys and values and the time branch are computed at
every step for every sentence, and rounding builds all [vocabulary x tokens] distances. The network is the one that
agrees with the golden values (scripts/oracles/torch_reference).

    pytorch_baseline.py prepare  --folder DIR --size commongen [--batch 16 ...]  random weights and noise, from a seed
    pytorch_baseline.py generate --folder DIR --tokens FILE [--threads 2]        time per step, token ids
    pytorch_baseline.py matmul   --folder DIR [--threads 2]                      what plain matmuls of its shapes reach
    pytorch_baseline.py train    [--threads 2] [--profile]                       time per training step

A folder holds config.json and weights.safetensors as in tests/golden, and inputs.safetensors: src_input_ids,
src_attention_mask [B,S], initial_noise [B,N,C], step_noise [M,B,N,C]. Prints one JSON object; times are medians.
"""

import argparse
import contextlib
import copy
import dataclasses
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts" / "oracles" / "torch_reference"))

from diffusion import (  # noqa: E402
    alpha_bars,
    model_timesteps,
    nearest_ids,
    posterior_step,
    scale_timesteps,
    skipping_grid,
    training_losses,
)
from make_golden import (  # noqa: E402
    random_sentence_timesteps,
    random_source,
    random_target,
    randomize,
    weights,
)
from network import Config, Denoiser  # noqa: E402

SIZES = {
    "commongen": {"d": 128, "heads": 8, "layers": 6, "channels": 64, "vocabulary": 30522, "slots": 54, "source": 12},
    "iwslt": {"d": 256, "heads": 4, "layers": 6, "channels": 64, "vocabulary": 10000, "slots": 90, "source": 32},
    "training": {"d": 128, "heads": 8, "layers": 3, "channels": 64, "vocabulary": 8000, "slots": 32, "source": 24},
}


def make_config(arguments: argparse.Namespace) -> Config:
    size = {name: given if given is not None else SIZES[arguments.size][name] for name, given in sizes(arguments)}
    return Config(
        time_channels=size["channels"],
        in_channels=size["channels"],
        out_channels=size["channels"],
        diffusion_steps=2000,
        tgt_len=size["slots"],
        max_pos_len=max(size["slots"], size["source"]),
        intermediate_size=4 * size["d"],
        num_attention_heads=size["heads"],
        vocab_size=size["vocabulary"],
        pad_value=0,
        att_strategy=None if arguments.time == "additive" else arguments.time,
        time_att=arguments.time != "additive",
        self_condition=arguments.self_condition,
        infer_self_condition=arguments.self_condition,
        schedule_sampler="xy_uniform",
        end_point_scale=2.0,
        noise_schedule="sqrt",
        rescale_timesteps=True,
        gen_timesteps=arguments.steps,
        hidden_size=size["d"],
        encoder_layers=size["layers"],
        decoder_layers=size["layers"],
    )


def sizes(arguments: argparse.Namespace) -> Iterator[tuple[str, int | None]]:
    for name in SIZES["commongen"]:
        yield name, getattr(arguments, name)


def source_lengths(arguments: argparse.Namespace) -> list[int]:
    """From half the source length to all of it."""
    longest = dict(sizes(arguments))["source"] or SIZES[arguments.size]["source"]
    return [longest - i % (longest // 2 + 1) for i in range(arguments.batch)]


class Stopwatch:
    """Collects seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    @contextlib.contextmanager
    def measure(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - start)

    def medians_ms(self) -> dict[str, float]:
        return {name: round(1000 * statistics.median(values), 3) for name, values in self.seconds.items()}


def processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def environment() -> dict[str, object]:
    return {
        "implementation": "PyTorch eager, reference style",
        "torch": torch.__version__,
        "processor": processor(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def gigaflops(function: Callable[[], object]) -> float:
    """Counted by PyTorch over the matmuls that the call makes, in 10^9 operations."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() / 1e9


# ---- prepare ---------------------------------------------------------------------------------------------------------


def prepare(arguments: argparse.Namespace) -> dict[str, object]:
    config = make_config(arguments)
    generator = torch.Generator().manual_seed(arguments.seed)
    network = Denoiser(config)
    randomize(network, generator)
    source_ids, source_mask = random_source(config, source_lengths(arguments), generator)
    shape = (arguments.batch, config.tgt_len, config.in_channels)
    inputs = {
        "src_input_ids": source_ids,
        "src_attention_mask": source_mask,
        "initial_noise": torch.randn(shape, generator=generator),
        "step_noise": torch.randn((arguments.steps, *shape), generator=generator),
    }
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
    tied = {name: tensor.clone() for name, tensor in weights(network).items()}
    save_file(tied, arguments.folder / "weights.safetensors")
    save_file(inputs, arguments.folder / "inputs.safetensors")
    return {"mode": "prepare", "folder": str(arguments.folder)}


def load(folder: Path) -> tuple[Config, Denoiser, dict[str, Tensor]]:
    config = Config.read(folder / "config.json")
    network = Denoiser(config).eval()
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return config, network, load_file(folder / "inputs.safetensors")


# ---- generate --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def generate(arguments: argparse.Namespace) -> dict[str, object]:
    config, network, inputs = load(arguments.folder)
    source_ids, mask = inputs["src_input_ids"], inputs["src_attention_mask"]
    alpha_bar = alpha_bars(config.noise_schedule, config.diffusion_steps)
    grid = skipping_grid(config)
    table = network.word_embedding.weight
    batch, watch = source_ids.shape[0], Stopwatch()
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=arguments.dtype == "bfloat16")

    for _ in range(arguments.repeats):
        run_start = time.perf_counter()
        with watch.measure("encoder"), autocast:
            source = network.encode(source_ids, mask).float()
        z, self_condition, rounded_ids = inputs["initial_noise"], None, []
        for step, (i, j) in enumerate(zip(grid[:-1], grid[1:], strict=True)):
            if arguments.stepwise and not sys.stdin.readline():
                sys.exit()
            step_start, cpu_start = time.perf_counter(), time.process_time()
            with watch.measure("network"), autocast:
                t_from = model_timesteps(config, torch.full((batch,), i))
                t_to = model_timesteps(config, torch.full((batch,), j))
                x0_hat = network(z, scale_timesteps(config, t_from), source, mask, self_condition).float()
            with watch.measure("rounding"):
                ids = nearest_ids(x0_hat, table)
                x0_hat = network.word_embedding(ids)
            with watch.measure("update"):
                z = posterior_step(alpha_bar, z, x0_hat, inputs["step_noise"][step], t_from, t_to)
            if config.infer_self_condition:
                self_condition = x0_hat
            rounded_ids.append(ids)
            watch.seconds["step"].append(time.perf_counter() - step_start)
            if arguments.stepwise:
                last = {name: 1000 * values[-1] for name, values in watch.seconds.items()}
                print(json.dumps({**last, "cpu": 1000 * (time.process_time() - cpu_start)}), flush=True)
        with watch.measure("final_tokens"):
            token_ids = network.logits(z).argmax(dim=-1)
        watch.seconds["whole_run"].append(time.perf_counter() - run_start)

    if arguments.tokens is not None:
        save_file({"token_ids": token_ids, "rounded_ids": torch.stack(rounded_ids)}, arguments.tokens)
    scaled = scale_timesteps(config, t_from)
    network_gflop = gigaflops(lambda: network(z, scaled, source, mask, self_condition))
    rounding_gflop = gigaflops(lambda: nearest_ids(x0_hat, table))
    medians = watch.medians_ms()
    return {
        "mode": "generate",
        **environment(),
        "dtype": arguments.dtype,
        "config": dataclasses.asdict(config),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "batch": batch,
        "source_length": source_ids.shape[1],
        "steps": len(grid) - 1,
        "repeats": arguments.repeats,
        "median_ms": medians,
        "gflop": {"network": round(network_gflop, 3), "rounding": round(rounding_gflop, 3)},
        "gflop_per_second": {
            "network": round(1000 * network_gflop / medians["network"], 1),
            "rounding": round(1000 * rounding_gflop / medians["rounding"], 1),
        },
    }


# ---- matmul ----------------------------------------------------------------------------------------------------------


def matmul_shapes(config: Config, batch: int, source: int) -> dict[str, tuple[int, tuple[int, int, int, int]]]:
    """Matmuls of one decoder call: how many, and (batch, rows, inner, columns) of each."""
    d, channels, slots = config.hidden_size, config.in_channels, config.tgt_len
    heads, layers, tokens = config.num_attention_heads, config.decoder_layers, batch * slots
    width, pairs, txl = d // heads, batch * heads, config.time_att and config.att_strategy == "txl"
    inputs = 2 * channels if config.self_condition else channels
    time_channels, time_branches = config.time_channels, layers if config.time_att else 1
    return {
        "input_up_proj.0": (1, (1, tokens, inputs, 2 * d)),
        "input_up_proj.2": (1, (1, tokens, 2 * d, d)),
        "time_trans.0": (time_branches, (1, tokens, time_channels, 4 * time_channels)),
        "time_trans.2": (time_branches, (1, tokens, 4 * time_channels, d)),
        "attention projections": (6 * layers, (1, tokens, d, d)),
        "source projections": (2 * layers, (1, batch * source, d, d)),
        "self-attention scores": ((2 if txl else 1) * layers, (pairs, slots, width, slots)),
        "self-attention values": (layers, (pairs, slots, slots, width)),
        "cross-attention scores": (layers, (pairs, slots, width, source)),
        "cross-attention values": (layers, (pairs, slots, source, width)),
        "ff.net.0": (layers, (1, tokens, d, 8 * d)),
        "ff.net.2": (layers, (1, tokens, 4 * d, d)),
        "output_down_proj.0": (1, (1, tokens, d, 2 * d)),
        "output_down_proj.2": (1, (1, tokens, 2 * d, channels)),
        "rounding": (1, (1, config.vocab_size, channels, tokens)),
    }


def median_matmul_seconds(shape: tuple[int, int, int, int], dtype: torch.dtype) -> float:
    batch, rows, inner, columns = shape
    left = torch.randn(batch, rows, inner).to(dtype)
    right = torch.randn(batch, inner, columns).to(dtype)
    output = torch.empty(batch, rows, columns, dtype=dtype)
    torch.matmul(left, right, out=output)
    seconds = []
    while len(seconds) < 5 or sum(seconds) < 0.3:
        start = time.perf_counter()
        torch.matmul(left, right, out=output)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


@torch.no_grad()
def matmul(arguments: argparse.Namespace) -> dict[str, object]:
    config = Config.read(arguments.folder / "config.json")
    batch, source = load_file(arguments.folder / "inputs.safetensors")["src_input_ids"].shape
    shapes = matmul_shapes(config, batch, source)
    result: dict[str, object] = {"mode": "matmul", **environment(), "batch": batch}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        rates, network_gflop, network_seconds = {}, 0.0, 0.0
        for part, (count, shape) in shapes.items():
            batches, rows, inner, columns = shape
            gflop, seconds = 2e-9 * batches * rows * inner * columns, median_matmul_seconds(shape, dtype)
            rates[part] = round(gflop / seconds, 1)
            if part != "rounding":
                network_gflop += count * gflop
                network_seconds += count * seconds
        result[f"{name}_gflop_per_second"] = rates
        result[f"{name}_network"] = {
            "gflop": round(network_gflop, 3),
            "ms": round(1000 * network_seconds, 3),
            "gflop_per_second": round(network_gflop / network_seconds, 1),
        }
    return result


# ---- train -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Batch:
    source_ids: Tensor  # [B,S]
    source_mask: Tensor  # [B,S]
    target_ids: Tensor  # [B,N]
    timesteps: Tensor  # [B,N]


def random_batch(config: Config, lengths: list[int], generator: torch.Generator) -> Batch:
    source_ids, source_mask = random_source(config, lengths, generator)
    sentence_timestep = random_sentence_timesteps(config, len(lengths), generator)
    target_ids = random_target(config, len(lengths), generator)
    return Batch(source_ids, source_mask, target_ids, model_timesteps(config, sentence_timestep))


class Trainer:
    """The usual loop: AdamW, clipping by norm, and an exponential moving average of every parameter."""

    def __init__(self, config: Config, arguments: argparse.Namespace):
        self.config = config
        self.network = Denoiser(config, arguments.dropout, arguments.attention_dropout).train()
        nn.init.normal_(self.network.word_embedding.weight)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-3, weight_decay=0.0)
        self.ema_rate = 0.9999

    def step(self, batch: Batch, watch: Stopwatch) -> float:
        config, network = self.config, self.network
        with watch.measure("forward"):
            shape = (*batch.target_ids.shape, config.in_channels)
            losses = training_losses(
                config,
                network,
                network.encode(batch.source_ids, batch.source_mask),
                batch.source_mask,
                batch.target_ids,
                batch.timesteps,
                torch.randn(shape),
                torch.randn(shape),
                with_self_condition=config.self_condition and torch.rand(()).item() < 0.5,
            )
            loss = losses.loss.item()
        with watch.measure("backward"):
            self.optimizer.zero_grad()
            losses.loss.backward()
        with watch.measure("clip"):
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        with watch.measure("adamw"):
            self.optimizer.step()
        with watch.measure("ema"), torch.no_grad():
            for average, parameter in zip(self.average.parameters(), network.parameters(), strict=True):
                average.mul_(self.ema_rate).add_(parameter, alpha=1 - self.ema_rate)
        return loss


def save_batches(folder: Path, config: Config, network: Denoiser, batches: list[Batch]) -> None:
    """What the same updates need elsewhere: config.json, weights.safetensors and batches.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
    tied = {name: tensor.clone() for name, tensor in weights(network).items()}
    save_file(tied, folder / "weights.safetensors")
    stacked = {
        field.name: torch.stack([getattr(batch, field.name) for batch in batches]).contiguous()
        for field in dataclasses.fields(Batch)
    }
    save_file(stacked, folder / "batches.safetensors")


def train(arguments: argparse.Namespace) -> dict[str, object]:
    # With fresh N(0, 1) embeddings most token probabilities are subnormal, which alone slows the backward pass of the
    # output layer about tenfold. That is no merit of a competitor, so the baseline is spared it unless asked.
    torch.set_flush_denormal(not arguments.keep_denormals)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    config = make_config(arguments)
    trainer, lengths = Trainer(config, arguments), source_lengths(arguments)
    batches = [random_batch(config, lengths, generator) for _ in range(8)]
    if arguments.folder is not None:
        save_batches(arguments.folder, config, trainer.network, batches)

    watch, losses = Stopwatch(), []
    for index in range(arguments.warm_up_updates + arguments.updates):
        if arguments.stepwise and not sys.stdin.readline():
            sys.exit()
        if index == arguments.warm_up_updates:
            watch = Stopwatch()
        with watch.measure("step"):
            losses.append(trainer.step(batches[index % len(batches)], watch))
        if arguments.stepwise:
            print(json.dumps({name: 1000 * values[-1] for name, values in watch.seconds.items()}), flush=True)
    result = {
        "mode": "train",
        **environment(),
        "config": dataclasses.asdict(config),
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "batch": arguments.batch,
        "source_length": max(lengths),
        "dropout": arguments.dropout,
        "attention_dropout": arguments.attention_dropout,
        "denormals": "kept" if arguments.keep_denormals else "flushed",
        "updates": arguments.updates,
        "median_ms": watch.medians_ms(),
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
    }
    if arguments.profile:
        result["operator_share"] = operator_shares(lambda: trainer.step(batches[0], Stopwatch()))
    return result


def operator_shares(function: Callable[[], object], repeats: int = 5, largest: int = 15) -> dict[str, float]:
    """Share of the CPU time spent inside each operator itself."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for _ in range(repeats):
            function()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return {event.key: round(event.self_cpu_time_total / total, 4) for event in events[:largest]}


# ---- command line ----------------------------------------------------------------------------------------------------


def add_size_options(parser: argparse.ArgumentParser, size: str) -> None:
    parser.add_argument("--size", choices=SIZES, default=size, help="a preset for what is not given")
    parser.add_argument("--d", type=int, help="hidden width")
    parser.add_argument("--heads", type=int)
    parser.add_argument("--layers", type=int, help="of the encoder, and as many of the decoder")
    parser.add_argument("--channels", type=int, help="embedding width C")
    parser.add_argument("--vocabulary", type=int)
    parser.add_argument("--slots", type=int, help="target slots N")
    parser.add_argument("--source", type=int, help="longest source; the others are from half as long on")
    parser.add_argument("--time", choices=["txl", "rotary", "additive"], default="txl")
    parser.add_argument("--self-condition", action="store_true")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="network calls M")
    parser.add_argument("--seed", type=int, default=1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)

    prepare_parser = modes.add_parser("prepare")
    add_size_options(prepare_parser, "commongen")
    generate_parser = modes.add_parser("generate")
    generate_parser.add_argument("--tokens", type=Path, help="token_ids [B,N] and rounded_ids [M,B,N], safetensors")
    generate_parser.add_argument("--repeats", type=int, default=1)
    generate_parser.add_argument(
        "--dtype", choices=["float32", "bfloat16"], default="float32", help="bfloat16: the network under autocast"
    )
    generate_parser.add_argument(
        "--stepwise",
        action="store_true",
        help="takes each step when a line comes on stdin and prints its milliseconds, so that another program's "
        "steps can be timed in between; ends with stdin",
    )
    matmul_parser = modes.add_parser("matmul")
    train_parser = modes.add_parser("train")
    add_size_options(train_parser, "training")
    train_parser.add_argument("--dropout", type=float, default=0.1)
    train_parser.add_argument("--attention-dropout", type=float, default=0.1)
    train_parser.add_argument("--updates", type=int, default=20)
    train_parser.add_argument("--warm-up-updates", type=int, default=3)
    train_parser.add_argument("--keep-denormals", action="store_true")
    train_parser.add_argument("--folder", type=Path, help="receives network and batches")
    train_parser.add_argument("--stepwise", action="store_true", help="as of generate")
    train_parser.add_argument("--profile", action="store_true", help="adds each operator's share of the time")

    for needing_folder in (prepare_parser, generate_parser, matmul_parser):
        needing_folder.add_argument("--folder", type=Path, required=True)
    for mode in (prepare_parser, generate_parser, matmul_parser, train_parser):
        mode.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    run = {"prepare": prepare, "generate": generate, "matmul": matmul, "train": train}[arguments.mode]
    print(json.dumps(run(arguments)))


if __name__ == "__main__":
    main()
