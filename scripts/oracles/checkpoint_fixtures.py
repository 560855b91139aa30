"""Writes the fixtures of tests/denoiser/ that other programs make: safetensors and torch.save.

    python scripts/oracles/checkpoint_fixtures.py [tests/data/denoiser]

Everything is a constant: with the same torch, running it again changes only legacy.pt, in which
torch keeps memory addresses.
"""

import argparse
import collections
import datetime
import pathlib
import sys

import numpy
import torch
from safetensors.torch import save_file


def mixed_tensors():
    return {
        "f64": torch.tensor([0.5, -3.0], dtype=torch.float64),
        "f32": torch.arange(6.0).reshape(2, 3),
        "f16": torch.tensor([1.0, -0.25, 65504.0], dtype=torch.float16),
        "bf16": torch.tensor([[1.5, -384.0]], dtype=torch.bfloat16),
        "i64": torch.tensor([[7, -7]]),
        "i32": torch.tensor(42, dtype=torch.int32),
        "f32_empty": torch.zeros(0, 4),
    }


class Evil:
    """Unpickling this would run a command."""

    def __reduce__(self):
        import os

        return os.system, ("echo pickled code ran >&2",)


class Rebuilt:
    """Pickles as a tensor with a size and stride of our choice, possible or not."""

    def __init__(self, tensor, size, stride):
        self.arguments = (tensor.untyped_storage(), tensor.dtype, size, stride)

    def __reduce__(self):
        storage, dtype, size, stride = self.arguments
        typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)
        return torch._utils._rebuild_tensor_v2, (typed, 0, size, stride, False, {})


def write_torch_files(folder):
    base = torch.arange(24.0).reshape(4, 6)
    views = collections.OrderedDict(
        transposed=base.t(),
        column=base[:, 2],
        strided=base[1::2, ::3],
        expanded=torch.tensor([1.0, 2.0]).unsqueeze(1).expand(2, 3),
        scalar=torch.tensor(2.5),
    )
    module = torch.nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.5, -1.0]]))
        module.bias.fill_(2.0)
    parameters = {"weight": module.weight, "bias": module.bias}
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.5, -1.0]]))
        module.bias.fill_(2.0)
    files = {
        "mixed.pt": mixed_tensors(),
        "views.pt": views,
        "state_dict.pt": module.state_dict(),
        "parameters.pt": parameters,
        # The form in which the published implementation saves a training run.
        "training.pt": {
            "model_dict": {f"module.{k}": v for k, v in module.state_dict().items()},
            "optimizer_dict": optimizer.state_dict(),
            "scheduler_dict": {"base_lrs": [1e-3], "last_epoch": 7, "lr_lambdas": [{}]},
            "offset": 40000,
        },
        "averaged.pt": {
            "model": {"weight": torch.tensor([1.0])},
            "ema": {"decay": 0.9999, "module": {"weight": torch.tensor([3.0])}},
        },
        "plain.pt": {"model": {"weight": [1.0, 2.0]}, "step": 3},
        "reaching.pt": {"weight": Rebuilt(torch.ones(2), (2, 2), (1, 1))},
        "endless.pt": {"weight": Rebuilt(torch.ones(2), (2**40, 2), (0, 1))},
        # Twenty tensors of 4 MB each, from eight bytes.
        "repeating.pt": {f"w{i}": Rebuilt(torch.ones(2), (2**19, 2), (0, 1)) for i in range(20)},
        # What training programs keep beside the weights, and in them.
        "beside.pt": {
            "args": argparse.Namespace(lr=0.1, folder=pathlib.PurePosixPath("runs")),
            "best": numpy.float64(3.5),
            "curve": numpy.arange(3.0),
            "when": datetime.datetime(2023, 5, 16),
            "seen": {1, 2},
            "device": torch.device("cpu"),
            "dtype": torch.float32,
            "state_dict": collections.OrderedDict(
                [
                    ("module.weight", torch.tensor([1.0, 2.0])),
                    ("module._orig_mod.bias", torch.tensor([3.0])),
                    ("steps", torch.tensor(7)),
                    ("note", "no tensor"),
                    ("options", argparse.Namespace(x=1)),
                ]
            ),
        },
        "evil.pt": {"weight": torch.ones(1), "extra": Evil()},
        "whole_module.pt": module,
    }
    for name, content in files.items():
        torch.save(content, folder / name)
    torch.save(module.state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        torch.save(views, folder / f"protocol{protocol}.pt", pickle_protocol=protocol)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/denoiser")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(mixed_tensors(), folder / "mixed.safetensors", metadata={"format": "pt"})
    write_torch_files(folder)


if __name__ == "__main__":
    main()
