"""PyTorch's AdamW, gradient clipping and moving average over 20 steps.

    adamw.py record FILE    writes what the trainer's update is tested against (tests/data/training/adamw.json)

Weights and gradients are small fractions with powers of two below, so that the test can make the same float32 numbers.
"""

import json
import sys

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

COUNT = 48
STEPS = 20

CASES = [
    {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0, "clipNorm": 0, "averageDecay": 0.9999},
    {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "weightDecay": 0.01, "clipNorm": 1, "averageDecay": 0.8},
]


def weight(i: int) -> float:
    return (i * 29 % 127 - 63) / 32


def gradient(i: int, step: int) -> float:
    """Of very different sizes; every eighth is always 0."""
    return 0 if i % 8 == 5 else ((i * 37 + step * 101) % 199 - 99) / 64 * 2.0 ** (-3 * (i % 7))


def learning_rate(step: int) -> float:
    return step / 1024


class Weights(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.values = torch.nn.Parameter(torch.tensor([weight(i) for i in range(COUNT)]))


def run(case: dict) -> dict:
    module = Weights()
    optimizer = torch.optim.AdamW(
        module.parameters(),
        betas=(case["beta1"], case["beta2"]),
        eps=case["epsilon"],
        weight_decay=case["weightDecay"],
    )
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(case["averageDecay"]))
    average.update_parameters(module)  # the first call copies
    norms = []
    for step in range(1, STEPS + 1):
        module.values.grad = torch.tensor([gradient(i, step) for i in range(COUNT)])
        limit = case["clipNorm"] or float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(module.parameters(), limit).item())
        optimizer.param_groups[0]["lr"] = learning_rate(step)
        optimizer.step()
        average.update_parameters(module)
    state = optimizer.state[module.values]
    return {
        "options": case,
        "gradientNorms": norms,
        "weights": module.values.tolist(),
        "firstMoment": state["exp_avg"].tolist(),
        "secondMoment": state["exp_avg_sq"].tolist(),
        "average": average.module.values.tolist(),
    }


def record(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"torch": torch.__version__, "cases": [run(case) for case in CASES]}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    record(sys.argv[2])
