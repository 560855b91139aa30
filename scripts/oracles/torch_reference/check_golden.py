"""Checks the PyTorch network against folders of golden values; exits 1 when something disagrees.

    python check_golden.py FOLDER [FOLDER ...] [--schedule schedule.json]

Prints the largest relative error of each file. A gradient is compared relative to its norm, but to at least a
thousandth of the largest gradient norm: some gradients are zero in exact arithmetic (a softmax does not see a shift
shared by all keys), so what is recorded for them is rounding noise.
"""

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path

import torch
from diffusion import alpha_bars, is_token_level, sample, skipping_grid, token_timesteps, training_losses
from network import Config, Denoiser
from safetensors.torch import load_file
from torch import Tensor

FORWARD_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
GRADIENT_FLOOR = 1e-3


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Largest difference over largest value; infinite where shapes or integers differ or a value is not finite."""
    if actual.shape == expected.shape and torch.equal(actual, expected):
        return 0.0
    if actual.shape != expected.shape or not expected.is_floating_point():
        return math.inf
    return finite_or_infinity(((actual - expected).abs().max() / expected.abs().max()).item())


def finite_or_infinity(error: float) -> float:
    """NaN would lose every comparison."""
    return error if math.isfinite(error) else math.inf


def largest_gradient_error(network: Denoiser, expected: dict[str, Tensor]) -> float:
    floor = GRADIENT_FLOOR * max(gradient.norm().item() for gradient in expected.values())
    actual = dict(network.named_parameters())
    if actual.keys() != expected.keys():
        return math.inf
    errors = []
    for name, gradient in expected.items():
        computed = torch.zeros_like(gradient) if actual[name].grad is None else actual[name].grad
        errors.append(finite_or_infinity((computed - gradient).norm().item() / max(gradient.norm().item(), floor)))
    return max(errors)


class Folder:
    def __init__(self, path: Path):
        self.path = path
        self.config = Config.read(path / "config.json")
        self.network = Denoiser(self.config).eval()
        self.network.load_state_dict(self.tensors("weights"))
        self.worst: dict[str, float] = {}

    def tensors(self, name: str) -> dict[str, Tensor]:
        return load_file(self.path / f"{name}.safetensors")

    def compare(self, file: str, actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
        self.worst[file] = max(relative_error(value, expected[name]) for name, value in actual.items())

    @torch.no_grad()
    def check_denoiser(self) -> None:
        expected = self.tensors("denoiser")
        mask = expected["src_attention_mask"]
        source = self.network.encode(expected["src_input_ids"], mask)
        x0_hat = self.network(expected["z"], expected["scaled_timestep"], source, mask, expected.get("self_cond"))
        logits = self.network.logits(x0_hat)
        self.compare("denoiser", {"encoder_output": source, "x0_hat": x0_hat, "logits": logits}, expected)

    def check_training(self, file: str, expected: dict[str, Tensor], gradients: dict[str, Tensor]) -> None:
        inputs = self.tensors("training")
        mask, timesteps = inputs["src_attention_mask"], inputs["token_timestep"]
        self.network.zero_grad()
        losses = training_losses(
            self.config,
            self.network,
            self.network.encode(inputs["src_input_ids"], mask),
            mask,
            inputs["tgt_input_ids"],
            timesteps,
            expected["embedding_noise"],
            expected["diffusion_noise"],
            with_self_condition=file == "training_selfcond",
        )
        losses.loss.backward()
        named = {field.name: getattr(losses, field.name).detach() for field in dataclasses.fields(losses)}
        named["loss"] = named["loss"].reshape(1)
        actual = {name: value for name, value in named.items() if name in expected}
        if is_token_level(self.config):
            actual["token_timestep"] = token_timesteps(self.config, inputs["sentence_timestep"])
        self.compare(file, actual, {**inputs, **expected})
        self.worst[f"{file}: gradients"] = largest_gradient_error(self.network, gradients)

    def check_sampling(self, file: str, rounding: bool) -> None:
        expected, inputs = self.tensors(file), self.tensors("denoiser")
        with torch.no_grad():
            source = self.network.encode(inputs["src_input_ids"], inputs["src_attention_mask"])
        trajectory, _ = sample(
            self.config,
            self.network,
            source,
            inputs["src_attention_mask"],
            expected["initial_noise"],
            expected["step_noise"],
            rounding,
        )
        self.compare(file, dataclasses.asdict(trajectory), expected)

    def check(self) -> bool:
        self.check_denoiser()
        self.check_training("training", self.tensors("training"), self.tensors("gradients"))
        if (self.path / "training_selfcond.safetensors").exists():
            tensors = self.tensors("training_selfcond")
            gradients = {name[5:]: tensors.pop(name) for name in list(tensors) if name.startswith("grad.")}
            self.check_training("training_selfcond", tensors, gradients)
        self.check_sampling("sampling_plain", rounding=False)
        self.check_sampling("sampling_rounded", rounding=True)

        passed = True
        for file, error in self.worst.items():
            tolerance = GRADIENT_TOLERANCE if file.endswith("gradients") else FORWARD_TOLERANCE
            passed = passed and error <= tolerance
            print(f"{self.path.name:24} {file:30} {error:8.1e} {'' if error <= tolerance else 'FAILED'}")
        return passed


def check_schedule(path: Path, config: Config) -> bool:
    """`sqrt_alpha_bar` holds alpha_bar of the schedule named sqrt."""
    recorded = json.loads(path.read_text())
    passed = True
    for steps, values in recorded["sqrt_alpha_bar"].items():
        computed = alpha_bars("sqrt", int(steps))
        passed = passed and all(abs(computed[int(i)] / value - 1) < 1e-12 for i, value in values.items())
    for case in recorded["token_timesteps"]:
        of_case = dataclasses.replace(
            config,
            tgt_len=case["length"],
            diffusion_steps=case["steps"],
            end_point_scale=case["anchor_scale"],
        )
        computed = token_timesteps(of_case, torch.tensor(case["sentence_timestep"]))
        passed = passed and computed.tolist() == case["token_timestep"]
    for case in recorded["skip_steps"]:
        of_case = dataclasses.replace(
            config,
            tgt_len=case["length"],
            diffusion_steps=case["steps"],
            gen_timesteps=case["evaluations"],
            schedule_sampler="xy_uniform",
        )
        passed = passed and skipping_grid(of_case) == case["sentence_timestep"]
    print(f"{path.name:24} {'alpha bar, timesteps, grids':30} {'ok' if passed else 'FAILED'}")
    return passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--schedule", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folders = [Folder(path) for path in arguments.folders]
    results = [folder.check() for folder in folders]
    if arguments.schedule is not None:
        results.append(check_schedule(arguments.schedule, folders[0].config))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
