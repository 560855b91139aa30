"""Records timesteps of blocks and what a latent says of x0, computed with PyTorch in ways of their own.

Blocks: the sampler of SSD-LM and BD3-LM as a loop over blocks, each of which goes through all timesteps before the
next one starts. E[x0 | z]: the slope of the least-squares line of x0 on z = sqrt(abar) x0 + F sqrt(1 - abar) eps,
from the covariance of the two.

    .venv/bin/python scripts/oracles/baselines.py > tests/data/diffusion/baselines.json
"""

import json

import torch


def block_rows(slots: int, length: int, steps: int) -> list[list[int]]:
    """The timesteps of every slot, from pure noise to text, one row after another."""
    now = torch.full((slots,), steps - 1)
    rows = [now.tolist()]
    for start in range(0, slots, length):
        for timestep in reversed(range(steps - 1)):
            now[start : start + length] = timestep
            rows.append(now.tolist())
    return rows


def expected_x0(steps: int, factor: float) -> list[float]:
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = 1 - torch.sqrt(u + 1e-4)
    betas = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    alpha_bar = torch.cumprod(1 - betas, 0)
    x0 = torch.tensor([[1.0], [0.0]], dtype=torch.float64)  # in units of x0 and of eps
    z = torch.stack([torch.sqrt(alpha_bar), factor * torch.sqrt(1 - alpha_bar)])
    return ((x0 * z).sum(0) / (z**2).sum(0)).tolist()


print(
    json.dumps(
        {
            "blocks": [
                {"slots": n, "length": k, "steps": t, "rows": block_rows(n, k, t)}
                for n, k, t in [(7, 3, 5), (4, 4, 6), (5, 1, 3)]
            ],
            "expected_x0": [{"steps": 20, "factor": f, "factors": expected_x0(20, f)} for f in [1.0, 4.0]],
        }
    )
)
