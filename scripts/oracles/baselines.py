"""Records what the baselines' own programs would compute, with PyTorch in ways of their own.

Blocks: the sampler of SSD-LM and BD3-LM as a loop over blocks, each of which goes through all timesteps before the
next one starts. E[x0 | z]: the slope of the least-squares line of x0 on z = sqrt(abar) x0 + F sqrt(1 - abar) eps,
from the covariance of the two; gated, lerp of that and 1 / std(z) by abar.

Moving anchor: every sentence-level index at once, in tensors of float32. Independent: floor of uniform numbers
times T, a row a draw.

Learned schedule: SeqDiffuSeq's, kept as a table of abar by timestep and position that every renewal interpolates
anew from the losses since the last one; ardiff, which keeps one noise schedule, takes its timestep of the nearest
abar. Sampler: improved DDPM's, which GENIE uses, by a history of losses at each timestep.

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


def sqrt_alpha_bar(steps: int) -> torch.Tensor:
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = 1 - torch.sqrt(u + 1e-4)
    betas = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - betas, 0)


def expected_x0(steps: int, factor: float) -> list[float]:
    alpha_bar = sqrt_alpha_bar(steps)
    x0 = torch.tensor([[1.0], [0.0]], dtype=torch.float64)  # in units of x0 and of eps
    z = torch.stack([torch.sqrt(alpha_bar), factor * torch.sqrt(1 - alpha_bar)])
    return ((x0 * z).sum(0) / (z**2).sum(0)).tolist()


def gated(steps: int, factor: float) -> list[float]:
    alpha_bar = sqrt_alpha_bar(steps)
    mean = torch.tensor(expected_x0(steps, factor), dtype=torch.float64)
    parts = torch.stack([torch.sqrt(alpha_bar), factor * torch.sqrt(1 - alpha_bar)])
    return torch.lerp(mean, 1 / torch.linalg.vector_norm(parts, dim=0), alpha_bar).tolist()


def moving_anchor(slots: int, distance: int, steps: int) -> list[list[int]]:
    """The timesteps of every slot at every index, from text to noise."""
    index = torch.arange(slots + steps)[:, None]
    slot = torch.arange(slots)[None, :].float()
    start = (slots - 1 - index).clamp(min=0).float()
    level = (index - (slots - 1)).clamp(min=0).float()
    anchor = start + distance
    line = (slot - anchor) / (start - anchor) * (level - (steps - 1)) + (steps - 1)
    return torch.where(slot >= anchor, float(steps - 1), line.round().clamp(0, steps - 1)).int().tolist()


def independent(slots: int, steps: int, rows: int) -> dict:
    uniform = torch.rand(rows, slots, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return {
        "slots": slots,
        "steps": steps,
        "uniform": uniform.tolist(),
        "rows": (uniform * steps).floor().int().tolist(),
    }


def interpolate(x: torch.Tensor, knots: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """numpy.interp: straight lines between knots, constant beyond."""
    right = torch.searchsorted(knots, x, right=True).clamp(1, len(knots) - 1)
    share = ((x - knots[right - 1]) / (knots[right] - knots[right - 1])).clamp(0, 1)
    return torch.lerp(values[right - 1], values[right], share)


def learned_schedule(steps: int, groups: int, positions: int, renewals: int) -> dict:
    """Squared errors of rows, and the timesteps of every position after each renewal."""
    random = torch.Generator().manual_seed(7)
    process = sqrt_alpha_bar(steps)
    table = torch.arange(steps)[:, None].repeat(1, positions)  # [T, N]
    size = steps // groups
    found = []
    for _ in range(renewals):
        sums = torch.linspace(0, 0.5, groups, dtype=torch.float64)[:, None].repeat(1, positions)
        counts = torch.ones(groups, positions, dtype=torch.float64)
        rows = []
        for _ in range(25 * groups):
            t = int(torch.randint(steps, (1,), generator=random))
            tokens = int(torch.randint(1, positions + 1, (1,), generator=random))
            # Losses with a power of the noise for each position; multiples of 2^-20 are exact in float32.
            noise = 1 - process[table[t, :tokens]]
            spread = 0.5 + torch.rand(tokens, generator=random, dtype=torch.float64)
            errors = noise ** (1 + 2 * torch.arange(tokens)) * spread
            errors = torch.round(errors * 2**20) / 2**20
            sums[t // size, :tokens] += errors
            counts[t // size, :tokens] += 1
            rows.append({"timestep": t, "errors": errors.tolist()})
        losses = sums / counts
        alpha_bar = process[table]
        fresh = torch.empty(steps, positions, dtype=torch.float64)
        for n in range(positions):
            rising = losses[:, n].clone()
            for g in range(1, groups):
                rising[g] = max(rising[g], rising[g - 1] + 1e-5)
            first, last = rising[0] - (rising[1] - rising[0]) / 2, rising[-1] + (rising[-1] - rising[-2]) / 2
            x = torch.cat([first[None], rising, last[None]])
            means = alpha_bar[:, n].reshape(groups, size).mean(1)
            y = torch.cat([alpha_bar[:, n].max()[None], means, alpha_bar[:, n].min()[None]])
            even = torch.linspace(float(x.min() - 1e-5), float(x.max() + 1e-5), steps, dtype=torch.float64)
            fresh[:, n] = interpolate(even, x, y)
        table = (fresh[:, :, None] - process).abs().argmin(2)
        found.append({"rows": rows, "timesteps": table.T.tolist()})
    return {"steps": steps, "groups": groups, "positions": positions, "renewals": found}


def loss_second_moment(steps: int) -> dict:
    """Losses at timesteps, and what is drawn by them: chances, and the weight of each timestep's loss."""
    random = torch.Generator().manual_seed(11)
    history = torch.zeros(steps, 10, dtype=torch.float64)
    counts = torch.zeros(steps, dtype=torch.long)
    losses, states = [], []
    for number in range(30 * steps):
        t = int(torch.randint(steps, (1,), generator=random))
        loss = float(torch.round(torch.rand(1, generator=random) * (1 + t) * 1024)) / 1024
        losses.append({"timestep": t, "loss": loss})
        if counts[t] == 10:
            history[t] = torch.cat([history[t, 1:], torch.tensor([loss], dtype=torch.float64)])
        else:
            history[t, counts[t]] = loss
            counts[t] += 1
        if number % (3 * steps) != 0 and number != 30 * steps - 1:
            continue
        weights = torch.ones(steps, dtype=torch.float64)
        if (counts == 10).all():
            weights = (history**2).mean(-1).sqrt()
            weights = weights / weights.sum() * (1 - 0.001) + 0.001 / steps
        chances = weights / weights.sum()
        states.append(
            {"after": number + 1, "chances": chances.tolist(), "weights": (1 / (steps * chances)).tolist()}
        )
    return {"steps": steps, "losses": losses, "states": states}


print(
    json.dumps(
        {
            "blocks": [
                {"slots": n, "length": k, "steps": t, "rows": block_rows(n, k, t)}
                for n, k, t in [(7, 3, 5), (4, 4, 6), (5, 1, 3)]
            ],
            "expected_x0": [{"steps": 20, "factor": f, "factors": expected_x0(20, f)} for f in [1.0, 4.0]],
            "gated": [{"steps": 20, "factor": f, "factors": gated(20, f)} for f in [1.0, 4.0]],
            "independent": independent(7, 20, 5),
            "moving_anchor": [
                {"slots": n, "distance": w, "steps": t, "rows": moving_anchor(n, w, t)}
                for n, w, t in [(7, 1, 5), (7, 2, 20), (12, 4, 9), (5, 8, 50)]
            ],
            "learned_schedule": learned_schedule(60, 6, 3, 2),
            "loss_second_moment": loss_second_moment(12),
        }
    )
)
