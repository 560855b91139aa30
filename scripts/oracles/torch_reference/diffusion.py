"""The diffusion process around the network: schedules, timesteps, training losses, generation with skipping.

Written plainly from SPEC sections 1, 2, 3 and 5 (arXiv 2305.09515), as a companion of `network.py`. The arrays of a
noise schedule are float64; a coefficient becomes float32 when it meets a tensor.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from network import Config, Denoiser
from torch import Tensor
from torch.nn import functional as F

# ---- Noise schedule (SPEC 1) -----------------------------------------------------------------------------------------


@functools.cache
def alpha_bars(name: str, steps: int) -> np.ndarray:
    """alpha_bar[i], i = 0..steps-1, float64."""
    if name == "linear":
        betas = np.linspace(0.0001 * 1000 / steps, 0.02 * 1000 / steps, steps)
    elif name == "cosine":
        betas = betas_of(lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2, steps)
    elif name == "sqrt":
        betas = betas_of(lambda u: 1 - math.sqrt(u + 0.0001), steps)
    else:
        raise ValueError(f"unknown noise schedule {name!r}")
    return np.cumprod(1.0 - betas)


def betas_of(alpha_bar, steps: int, largest: float = 0.999) -> np.ndarray:
    return np.array([min(1 - alpha_bar((i + 1) / steps) / alpha_bar(i / steps), largest) for i in range(steps)])


# ---- Timesteps (SPEC 2) ----------------------------------------------------------------------------------------------


def is_token_level(config: Config) -> bool:
    return config.schedule_sampler == "xy_uniform"


def token_timesteps(config: Config, sentence_timestep: Tensor) -> Tensor:
    """Sentence-level indices [B] -> per-slot timesteps f(n, i) [B,N], int64.

    In float32 and in this order of operations, as published: where the exact value is a tie, its rounding decides.
    """
    length, steps = config.tgt_len, config.diffusion_steps
    slots = torch.arange(length).float()
    start_slot = (length - 1 - sentence_timestep[:, None]).clamp(min=0).float()
    start_time = (sentence_timestep[:, None] - (length - 1)).clamp(min=0).float()
    end_slot, end_time = float(int(config.end_point_scale * length)), float(steps - 1)
    line = (slots - end_slot) / (start_slot - end_slot) * (start_time - end_time) + end_time
    return line.round().clamp(0, steps - 1).long()  # torch rounds half to even


def model_timesteps(config: Config, sentence_timestep: Tensor) -> Tensor:
    """Timesteps [B,N] with two-level timesteps; [B], the index itself, with one timestep per sentence."""
    return token_timesteps(config, sentence_timestep) if is_token_level(config) else sentence_timestep


def scale_timesteps(config: Config, timesteps: Tensor) -> Tensor:
    """What the network sees: t * 1000/T."""
    return timesteps.float() * (1000.0 / config.diffusion_steps) if config.rescale_timesteps else timesteps.float()


def skipping_grid(config: Config) -> list[int]:
    """Sentence-level indices visited by M = gen_timesteps network calls, and the final 0 (SPEC 5)."""
    span = config.diffusion_steps + (config.tgt_len if is_token_level(config) else 0)
    grid = list(range(span - 1, -1, -1)[:: span // config.gen_timesteps])[: config.gen_timesteps]
    return grid if grid[-1] == 0 else [*grid, 0]


# ---- Training (SPEC 3) -----------------------------------------------------------------------------------------------


def per_slot(array: np.ndarray, timesteps: Tensor) -> Tensor:
    """array[t] as float32, shaped to multiply [B,N,C]."""
    values = torch.from_numpy(array).to(timesteps.device)[timesteps].float()
    return values[..., None] if timesteps.dim() == 2 else values[:, None, None]


@dataclass
class Losses:
    """Every term [B,N]; with one timestep per sentence [B], the mean over slots."""

    mse_pre: Tensor
    t0_loss: Tensor
    mse: Tensor
    decoder_nll: Tensor
    prior: Tensor
    loss_per_token: Tensor
    loss: Tensor  # the mean of loss_per_token


def training_losses(
    config: Config,
    network: Denoiser,
    source: Tensor,
    source_mask: Tensor,
    target_ids: Tensor,
    timesteps: Tensor,
    embedding_noise: Tensor,
    diffusion_noise: Tensor,
    with_self_condition: bool = False,
) -> Losses:
    """Target ids [B,N], timesteps [B,N] or [B], noises [B,N,C]; source is the encoder output [B,S,d]."""
    alpha_bar = alpha_bars(config.noise_schedule, config.diffusion_steps)
    embeddings = network.word_embedding(target_ids)
    first = torch.zeros_like(timesteps)
    x0 = embeddings + per_slot(np.sqrt(1 - alpha_bar), first) * embedding_noise
    z = per_slot(np.sqrt(alpha_bar), timesteps) * x0 + per_slot(np.sqrt(1 - alpha_bar), timesteps) * diffusion_noise

    scaled = scale_timesteps(config, timesteps)
    self_condition = None
    if with_self_condition:
        with torch.no_grad():
            self_condition = network(z, scaled, source, source_mask)
    x0_hat = network(z, scaled, source, source_mask, self_condition)

    def mean_of(values: Tensor) -> Tensor:
        return values.mean(dim=-1) if timesteps.dim() == 2 else values.flatten(1).mean(dim=-1)

    mse_pre = mean_of((x0 - x0_hat) ** 2)
    t0_loss = mean_of((embeddings - x0_hat) ** 2)
    mse = torch.where(timesteps == 0, t0_loss, mse_pre)
    logits = network.logits(x0).flatten(0, 1)  # [B*N,V]
    nll = F.cross_entropy(logits, target_ids.flatten(), reduction="none").view(target_ids.shape)
    decoder_nll = nll if timesteps.dim() == 2 else nll.mean(dim=-1)
    prior = mean_of((per_slot(np.sqrt(alpha_bar), torch.full_like(timesteps, config.diffusion_steps - 1)) * x0) ** 2)
    loss_per_token = mse + decoder_nll + prior
    return Losses(mse_pre, t0_loss, mse, decoder_nll, prior, loss_per_token, loss_per_token.mean())


# ---- Generation (SPEC 5) ---------------------------------------------------------------------------------------------


def nearest_embedding(x: Tensor, table: Tensor) -> Tensor:
    """Each vector of x [B,N,C] replaced by the nearest row (L2) of table [V,C]."""
    return F.embedding(nearest_ids(x, table), table)


def nearest_ids(x: Tensor, table: Tensor) -> Tensor:
    """[B,N,C] -> [B,N]: all squared distances [V,B*N], then the smallest of each column."""
    table_norm = (table**2).sum(-1).view(-1, 1)  # [V,1]
    x_columns = x.reshape(-1, x.shape[-1]).transpose(0, 1)  # [C,B*N]
    x_norm = (x**2).sum(-1).view(-1, 1)  # [B*N,1]
    distances = table_norm + x_norm.transpose(0, 1) - 2.0 * torch.mm(table, x_columns)
    distances = torch.clamp(distances, 0.0, np.inf)
    nearest = torch.topk(-distances, k=1, dim=0)
    return nearest.indices[0].view(x.shape[:-1])


def posterior_step(
    alpha_bar: np.ndarray, z: Tensor, x0_hat: Tensor, noise: Tensor, t_from: Tensor, t_to: Tensor
) -> Tensor:
    """q(z_to | z_from, x0_hat) for any t_to <= t_from, per slot; no noise where t_to = 0."""
    a = torch.from_numpy(alpha_bar)[t_from]
    b = torch.from_numpy(alpha_bar)[t_to]
    z_weight = (a / b).sqrt() * (1 - b) / (1 - a)
    x0_weight = b.sqrt() * (1 - a / b) / (1 - a)
    deviation = ((1 - a / b) * (1 - b) / (1 - a)).sqrt() * (t_to != 0)

    def column(weight: Tensor) -> Tensor:
        weight = weight.to(device=z.device, dtype=torch.float32)
        return weight[..., None] if weight.dim() == 2 else weight[:, None, None]

    return column(z_weight) * z + column(x0_weight) * x0_hat + column(deviation) * noise


@dataclass
class Trajectory:
    """M steps: timesteps [M,B,N] or [M,B], pred_x0 and z (after the step) [M,B,N,C], final token ids [B,N]."""

    from_timestep: Tensor
    to_timestep: Tensor
    pred_x0: Tensor
    z: Tensor
    token_ids: Tensor


@torch.no_grad()
def sample(
    config: Config,
    network: Denoiser,
    source: Tensor,
    source_mask: Tensor,
    initial_noise: Tensor,
    step_noise: Tensor,
    rounding: bool,
) -> tuple[Trajectory, Tensor]:
    """initial_noise [B,N,C], step_noise [M,B,N,C]. Also returns the predictions [M,B,N,C] before rounding."""
    alpha_bar = alpha_bars(config.noise_schedule, config.diffusion_steps)
    grid = skipping_grid(config)
    z, self_condition = initial_noise, None
    t_froms, t_tos, raw_predictions, predictions, latents = [], [], [], [], []
    for step, (i, j) in enumerate(zip(grid[:-1], grid[1:], strict=True)):
        t_from = model_timesteps(config, torch.full((z.shape[0],), i))
        t_to = model_timesteps(config, torch.full((z.shape[0],), j))
        x0_hat = network(z, scale_timesteps(config, t_from), source, source_mask, self_condition)
        raw_predictions.append(x0_hat)
        if rounding:
            x0_hat = nearest_embedding(x0_hat, network.word_embedding.weight)
        if config.self_condition and config.infer_self_condition:
            self_condition = x0_hat
        z = posterior_step(alpha_bar, z, x0_hat, step_noise[step], t_from, t_to)
        t_froms.append(t_from)
        t_tos.append(t_to)
        predictions.append(x0_hat)
        latents.append(z)
    trajectory = Trajectory(
        torch.stack(t_froms),
        torch.stack(t_tos),
        torch.stack(predictions),
        torch.stack(latents),
        network.logits(z).argmax(dim=-1),
    )
    return trajectory, torch.stack(raw_predictions)
