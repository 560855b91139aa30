"""What build/native/device_check times, in plain PyTorch eager on the same device and at the same sizes: a generation
step with rounding, and forward and backward pass of a micro-batch. The network is that of pytorch_baseline.py.

    gpu_baseline.py cuda|cpu [quick]

One line a measurement, as device_check prints them: the fastest of some repeats, the device waited for.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from pytorch_baseline import make_config, random_batch  # noqa: E402  (finds torch_reference too)
from diffusion import nearest_ids, scale_timesteps, training_losses  # noqa: E402
from make_golden import random_source, randomize  # noqa: E402
from network import Denoiser  # noqa: E402

SLOTS, SOURCE = 54, 32
NETWORKS = ({"d": 128, "channels": 64, "vocabulary": 30522}, {"d": 512, "channels": 128, "vocabulary": 16000})


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def fastest_ms(device: torch.device, repeats: int, function: Callable[[], object]) -> float:
    best = float("inf")
    for repeat in range(repeats + 2):
        wait(device)
        start = time.perf_counter()
        function()
        wait(device)
        if repeat > 1 or repeats == 1:
            best = min(best, time.perf_counter() - start)
    return 1000 * best


def arguments_of(size: dict[str, int], rows: int) -> argparse.Namespace:
    return argparse.Namespace(
        size="commongen",
        heads=8,
        layers=6,
        slots=SLOTS,
        source=SOURCE,
        time="txl",
        self_condition=False,
        batch=rows,
        steps=20,
        seed=1,
        **size,
    )


@contextlib.contextmanager
def made_on(device: torch.device) -> Iterator[None]:
    """What the reference's functions make without naming a device lies on this one."""
    torch.set_default_device(device)
    yield
    torch.set_default_device("cpu")


@torch.no_grad()
def time_generation(device: torch.device, network: Denoiser, config, rows: int, half: bool, repeats: int) -> float:
    source_ids, mask = random_source(config, [SOURCE] * rows, torch.Generator().manual_seed(1))
    source_ids, mask = source_ids.to(device), mask.to(device)
    with made_on(device), torch.autocast(device.type, torch.bfloat16, enabled=half):
        source = network.encode(source_ids, mask).float()
        z = torch.randn(rows, SLOTS, config.in_channels)
        times = scale_timesteps(config, torch.full((rows, SLOTS), 400))

        def step() -> None:
            x0_hat = network(z, times, source, mask, None).float()
            with torch.autocast(device.type, enabled=False):
                x0_hat = network.word_embedding(nearest_ids(x0_hat, network.word_embedding.weight))
            (0.7 * z + 0.3 * x0_hat + 0.1 * torch.randn_like(z)).sum()

        return fastest_ms(device, repeats, step)


def time_training(device: torch.device, config, rows: int, repeats: int) -> tuple[float, float]:
    network = Denoiser(config, 0.1, 0.1).train().to(device)
    batch = random_batch(config, [SOURCE] * rows, torch.Generator().manual_seed(1))
    source_ids, mask = batch.source_ids.to(device), batch.source_mask.to(device)
    targets, timesteps = batch.target_ids.to(device), batch.timesteps.to(device)

    def step() -> None:
        shape = (*targets.shape, config.in_channels)
        with torch.autocast(device.type, torch.bfloat16):
            source = network.encode(source_ids, mask)
            noise = torch.randn(shape), torch.randn(shape)
            losses = training_losses(config, network, source, mask, targets, timesteps, *noise)
        losses.loss.backward()
        network.zero_grad()

    with made_on(device):
        milliseconds = fastest_ms(device, repeats, step)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    return milliseconds, peak


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("device", choices=["cuda", "cpu"])
    parser.add_argument("quick", nargs="?", choices=["quick"])
    arguments = parser.parse_args()
    device, quick = torch.device(arguments.device), arguments.quick is not None
    for size in NETWORKS[:1] if quick else NETWORKS:
        config = make_config(arguments_of(size, 1))
        network = Denoiser(config).eval()
        randomize(network, torch.Generator().manual_seed(1))
        network.to(device)
        for half in (False, True):
            for rows in (1,) if quick else (1, 32, 800):
                time_ = time_generation(device, network, config, rows, half, 1 if quick else 10)
                kind = "bf16" if half else "f32"
                print(f"d {size['d']}, {kind}, generation, {rows} x {SLOTS}: {time_:.3f} ms a step", flush=True)
        for rows in (2,) if quick else (64, 256, 800):
            try:
                time_, peak = time_training(device, config, rows, 1 if quick else 5)
            except torch.cuda.OutOfMemoryError:
                print(f"d {size['d']}, bf16, training, {rows} x {SLOTS}: out of memory", flush=True)
                continue
            name = f"d {size['d']}, bf16, training, {rows} x {SLOTS}"
            print(f"{name}: {time_:.1f} ms a micro-batch, peak {peak:.1f} GiB", flush=True)


if __name__ == "__main__":
    main()
