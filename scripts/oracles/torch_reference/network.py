"""The AR-Diffusion network, written plainly in PyTorch eager.

This is the oracle that ardiff's C++ network is checked against and the baseline it is timed against, so it favours
the obvious over the fast: one module per part, one line per formula, no fused kernels. Parameter names are those of
published checkpoints. Formulas: SPEC section 4 (arXiv 2305.09515).

Shapes: B batch, S source length, N target slots, C embedding width, d hidden width, H heads, V vocabulary.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LAYER_NORM_EPS = 1e-12


@dataclass
class Config:
    """The keys of `config.json`; `in_channels` is C, with self-conditioning the network reads 2C."""

    time_channels: int
    in_channels: int
    out_channels: int
    diffusion_steps: int
    tgt_len: int
    max_pos_len: int
    intermediate_size: int
    num_attention_heads: int
    vocab_size: int
    pad_value: int
    att_strategy: str | None  # "txl" | "rotary" where time_att, else None
    time_att: bool
    self_condition: bool
    infer_self_condition: bool
    schedule_sampler: str  # "xy_uniform": one timestep per slot; "uniform": one per sentence
    end_point_scale: float
    noise_schedule: str
    rescale_timesteps: bool
    gen_timesteps: int
    hidden_size: int
    encoder_layers: int
    decoder_layers: int

    @classmethod
    def read(cls, path: Path) -> "Config":
        return cls(**json.loads(path.read_text()))


# ---- Encoder: BERT, post-LayerNorm -----------------------------------------------------------------------------------


class EncoderEmbeddings(nn.Module):
    def __init__(self, config: Config, dropout: float):
        super().__init__()
        d = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, d)
        self.position_embeddings = nn.Embedding(config.max_pos_len, d)
        self.token_type_embeddings = nn.Embedding(2, d)
        self.LayerNorm = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids: Tensor) -> Tensor:
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        token_types = torch.zeros_like(input_ids)
        hidden = self.word_embeddings(input_ids) + self.token_type_embeddings(token_types)
        hidden = hidden + self.position_embeddings(positions)
        return self.dropout(self.LayerNorm(hidden))


class EncoderSelfAttention(nn.Module):
    def __init__(self, config: Config, attention_dropout: float):
        super().__init__()
        d = config.hidden_size
        self.heads = config.num_attention_heads
        self.query = nn.Linear(d, d)
        self.key = nn.Linear(d, d)
        self.value = nn.Linear(d, d)
        self.dropout = nn.Dropout(attention_dropout)

    def forward(self, hidden: Tensor, additive_mask: Tensor) -> Tensor:
        query = split_heads(self.query(hidden), self.heads)
        key = split_heads(self.key(hidden), self.heads)
        value = split_heads(self.value(hidden), self.heads)
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        probabilities = self.dropout((scores + additive_mask).softmax(dim=-1))
        return merge_heads(probabilities @ value)


class EncoderResidual(nn.Module):
    """LayerNorm(residual + dropout(dense(hidden)))."""

    def __init__(self, in_features: int, out_features: int, dropout: float):
        super().__init__()
        self.dense = nn.Linear(in_features, out_features)
        self.LayerNorm = nn.LayerNorm(out_features, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(hidden)) + residual)


class EncoderAttention(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        self.self = EncoderSelfAttention(config, attention_dropout)
        self.output = EncoderResidual(config.hidden_size, config.hidden_size, dropout)

    def forward(self, hidden: Tensor, additive_mask: Tensor) -> Tensor:
        return self.output(self.self(hidden, additive_mask), hidden)


class EncoderIntermediate(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.gelu(self.dense(hidden))


class EncoderLayer(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        self.attention = EncoderAttention(config, dropout, attention_dropout)
        self.intermediate = EncoderIntermediate(config)
        self.output = EncoderResidual(config.intermediate_size, config.hidden_size, dropout)

    def forward(self, hidden: Tensor, additive_mask: Tensor) -> Tensor:
        hidden = self.attention(hidden, additive_mask)
        return self.output(self.intermediate(hidden), hidden)


class EncoderStack(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        self.layer = nn.ModuleList(
            EncoderLayer(config, dropout, attention_dropout) for _ in range(config.encoder_layers)
        )

    def forward(self, hidden: Tensor, additive_mask: Tensor) -> Tensor:
        for layer in self.layer:
            hidden = layer(hidden, additive_mask)
        return hidden


class Pooler(nn.Module):
    """Present in published checkpoints; nothing reads its output."""

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)


class Encoder(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        self.embeddings = EncoderEmbeddings(config, dropout)
        self.encoder = EncoderStack(config, dropout, attention_dropout)
        self.pooler = Pooler(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [B,S] (1 keep, 0 padding) -> [B,S,d]."""
        return self.encoder(self.embeddings(input_ids), to_additive_mask(attention_mask))


# ---- Decoder: pre-LayerNorm blocks -----------------------------------------------------------------------------------


class SelfAttention(nn.Module):
    """Self-attention over the target slots; the time key [B,N,d] enters as the strategy says."""

    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        d = config.hidden_size
        self.heads = config.num_attention_heads
        self.strategy = config.att_strategy if config.time_att else None
        self.to_q = nn.Linear(d, d, bias=False)
        self.to_k = nn.Linear(d, d, bias=False)
        self.to_v = nn.Linear(d, d, bias=False)
        self.dropout = nn.Dropout(attention_dropout)
        self.to_out = nn.ModuleList([nn.Linear(d, d), nn.Dropout(dropout)])

    def forward(
        self,
        hidden: Tensor,
        time_key: Tensor | None,
        r_w_bias: Tensor | None,
        r_r_bias: Tensor | None,
    ) -> Tensor:
        query = split_heads(self.to_q(hidden), self.heads)  # [B,H,N,d/H]
        key = split_heads(self.to_k(hidden), self.heads)
        value = split_heads(self.to_v(hidden), self.heads)
        scale = query.shape[-1] ** -0.5

        if self.strategy == "txl":
            time_key = split_heads(time_key, self.heads)
            content = (query + r_w_bias[:, None, :]) @ key.transpose(-1, -2)
            time = (query + r_r_bias[:, None, :]) @ time_key.transpose(-1, -2)
            scores = (content + time) * scale
        elif self.strategy == "rotary":
            time_key = split_heads(time_key, self.heads)
            query, key, value = (rotate(x, time_key) for x in (query, key, value))
            scores = query @ key.transpose(-1, -2) * scale
        else:
            scores = query @ key.transpose(-1, -2) * scale

        attended = merge_heads(self.dropout(scores.softmax(dim=-1)) @ value)
        return self.to_out[1](self.to_out[0](attended))


class CrossAttention(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        d = config.hidden_size
        self.heads = config.num_attention_heads
        self.to_q = nn.Linear(d, d, bias=False)
        self.to_k = nn.Linear(d, d, bias=False)
        self.to_v = nn.Linear(d, d, bias=False)
        self.dropout = nn.Dropout(attention_dropout)
        self.to_out = nn.ModuleList([nn.Linear(d, d), nn.Dropout(dropout)])

    def forward(self, hidden: Tensor, source: Tensor, additive_mask: Tensor) -> Tensor:
        query = split_heads(self.to_q(hidden), self.heads)
        key = split_heads(self.to_k(source), self.heads)
        value = split_heads(self.to_v(source), self.heads)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        attended = merge_heads(self.dropout((scores + additive_mask).softmax(dim=-1)) @ value)
        return self.to_out[1](self.to_out[0](attended))


class GatedProjection(nn.Module):
    """GEGLU: one linear layer makes [value, gate]."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.proj = nn.Linear(in_features, 2 * out_features)

    def forward(self, hidden: Tensor) -> Tensor:
        value, gate = self.proj(hidden).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, config: Config, dropout: float):
        super().__init__()
        d = config.hidden_size
        self.net = nn.ModuleList([GatedProjection(d, 4 * d), nn.Dropout(dropout), nn.Linear(4 * d, d)])

    def forward(self, hidden: Tensor) -> Tensor:
        for module in self.net:
            hidden = module(hidden)
        return hidden


class DecoderBlock(nn.Module):
    def __init__(self, config: Config, dropout: float, attention_dropout: float):
        super().__init__()
        d, heads = config.hidden_size, config.num_attention_heads
        self.norm1 = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.attn1 = SelfAttention(config, dropout, attention_dropout)
        self.norm2 = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.attn2 = CrossAttention(config, dropout, attention_dropout)
        self.norm3 = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.ff = FeedForward(config, dropout)
        self.dropout = nn.Dropout(dropout)
        self.time_trans = time_projection(config) if config.time_att else None
        use_biases = config.time_att and config.att_strategy == "txl"
        self.r_w_bias = nn.Parameter(torch.zeros(heads, d // heads)) if use_biases else None
        self.r_r_bias = nn.Parameter(torch.zeros(heads, d // heads)) if use_biases else None

    def forward(self, hidden: Tensor, time: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        time_key = None if self.time_trans is None else self.time_trans(self.dropout(time))
        hidden = hidden + self.attn1(self.norm1(hidden), time_key, self.r_w_bias, self.r_r_bias)
        hidden = hidden + self.attn2(self.norm2(hidden), source, source_mask)
        return hidden + self.ff(self.norm3(hidden))


class Denoiser(nn.Module):
    """Encoder and decoder: predicts x0 [B,N,C] from z [B,N,C], timesteps and the source."""

    def __init__(self, config: Config, dropout: float = 0.0, attention_dropout: float = 0.0):
        super().__init__()
        self.config = config
        channels, d = config.in_channels, config.hidden_size

        self.word_embedding = nn.Embedding(config.vocab_size, channels)
        self.lm_head = nn.Linear(channels, config.vocab_size)
        self.lm_head.weight = self.word_embedding.weight
        self.encoder = Encoder(config, dropout, attention_dropout)

        # Where C = d, nothing needs to change width: published code then has neither projection.
        self.input_up_proj = None
        if config.self_condition:
            self.input_up_proj = projection(2 * channels, 2 * d, d)
        elif channels != d:
            self.input_up_proj = projection(channels, 2 * d, d)
        self.output_down_proj = None
        if config.out_channels != d:
            self.output_down_proj = projection(d, 2 * d, config.out_channels)
        self.register_buffer("position_ids", torch.arange(config.max_pos_len)[None, :])
        self.position_embeddings = nn.Embedding(config.max_pos_len, d)
        self.time_trans = None if config.time_att else time_projection(config)
        self.LayerNorm = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.transformer_blocks = nn.ModuleList(
            DecoderBlock(config, dropout, attention_dropout) for _ in range(config.decoder_layers)
        )

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Source ids and mask [B,S] -> encoder output [B,S,d]."""
        return self.encoder(input_ids, attention_mask)

    def forward(
        self,
        z: Tensor,
        scaled_timesteps: Tensor,
        source: Tensor,
        source_mask: Tensor,
        self_condition: Tensor | None = None,
    ) -> Tensor:
        """z [B,N,C], timesteps [B,N] (or [B]: one per sentence), source [B,S,d], source_mask [B,S] -> [B,N,C]."""
        if self.config.self_condition:
            previous = torch.zeros_like(z) if self_condition is None else self_condition
            z = torch.cat([previous, z], dim=-1)
        if scaled_timesteps.dim() == 1:
            scaled_timesteps = scaled_timesteps[:, None].expand(-1, z.shape[1])

        time = timestep_embedding(scaled_timesteps, self.config.time_channels)  # [B,N,time_channels]
        hidden = z if self.input_up_proj is None else self.input_up_proj(z)
        hidden = hidden + self.position_embeddings(self.position_ids[:, : z.shape[1]])
        if self.time_trans is not None:
            hidden = hidden + self.time_trans(time)
        hidden = self.dropout(self.LayerNorm(hidden))

        additive_mask = to_additive_mask(source_mask)
        for block in self.transformer_blocks:
            hidden = block(hidden, time, source, additive_mask)
        return hidden if self.output_down_proj is None else self.output_down_proj(hidden)

    def logits(self, x: Tensor) -> Tensor:
        """x [B,N,C] -> [B,N,V], through the tied embedding table."""
        return self.lm_head(x)


# ---- Helpers ---------------------------------------------------------------------------------------------------------


def projection(in_features: int, wide: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_features, wide), nn.Tanh(), nn.Linear(wide, out_features))


def time_projection(config: Config) -> nn.Sequential:
    width = 4 * config.time_channels
    return nn.Sequential(nn.Linear(config.time_channels, width), nn.SiLU(), nn.Linear(width, config.hidden_size))


def timestep_embedding(scaled_timesteps: Tensor, channels: int, max_period: float = 10000.0) -> Tensor:
    """[...] -> [..., channels]: cosines, then sines, of channels/2 geometrically spaced frequencies."""
    half = channels // 2
    # The order of multiplication and division is the published one: it shows in the cosine of a large angle.
    exponents = -math.log(max_period) * torch.arange(half, dtype=torch.float32, device=scaled_timesteps.device) / half
    angles = scaled_timesteps[..., None].float() * torch.exp(exponents)
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


def rotate(x: Tensor, time_key: Tensor) -> Tensor:
    """Rotates the pairs (x_2j, x_2j+1) of each head by (cos_j, sin_j) = the two halves of its time key."""
    cos, sin = time_key.chunk(2, dim=-1)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B,N,d] -> [B,H,N,d/H]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[B,H,N,d/H] -> [B,N,d]."""
    return x.transpose(1, 2).flatten(2)


def to_additive_mask(attention_mask: Tensor) -> Tensor:
    """[B,S] (1 keep, 0 padding) -> [B,1,1,S]: 0 where kept, the most negative float elsewhere."""
    return (1.0 - attention_mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
