"""The twin's network: a pre-norm Transformer with one table for source, target and output, and learned positions."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from twin_data import Sizes


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, L, d] -> [B, heads, L, d / heads]"""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(queries: Tensor, keys: Tensor, values: Tensor, **options) -> Tensor:
    """[B, heads, L, d / heads] each -> [B, L, d]"""
    return F.scaled_dot_product_attention(queries, keys, values, **options).transpose(1, 2).flatten(2)


@dataclass
class LayerState:
    """Keys and values of a decoder layer: of the tokens so far and of the source, [rows, heads, L, d / heads]."""

    keys: Tensor | None
    values: Tensor | None
    source_keys: Tensor
    source_values: Tensor


@dataclass
class State:
    """Where decoding stands, for every row."""

    layers: list[LayerState]
    source_mask: Tensor  # [rows, 1, 1, S]
    position: int

    def select(self, rows: Tensor) -> None:
        """Keeps rows, in this order, as often as they are named."""
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
            layer.source_keys, layer.source_values = layer.source_keys[rows], layer.source_values[rows]
        self.source_mask = self.source_mask[rows]

    def repeat(self, times: int) -> None:
        """Every row several times; before the first step."""
        for layer in self.layers:
            layer.source_keys = layer.source_keys.repeat_interleave(times, 0)
            layer.source_values = layer.source_values.repeat_interleave(times, 0)
        self.source_mask = self.source_mask.repeat_interleave(times, 0)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.input = nn.Linear(width, 3 * width)  # queries, keys, values
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, **options) -> Tensor:
        return self.output(attend(*self.project(x), **options))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return split_heads(self.input(self.norm(x)), 3 * self.heads).chunk(3, 1)


class CrossAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.source = nn.Linear(width, 2 * width)  # keys, values
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        queries = split_heads(self.query(self.norm(x)), self.heads)
        return self.output(attend(queries, keys, values, attn_mask=mask))

    def keys_values(self, source: Tensor) -> tuple[Tensor, Tensor]:
        return split_heads(self.source(source), 2 * self.heads).chunk(2, 1)


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.input = nn.Linear(width, inner)
        self.output = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(F.gelu(self.input(self.norm(x))))


class EncoderLayer(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float):
        super().__init__()
        self.attention = SelfAttention(sizes.width, sizes.heads)
        self.feed_forward = FeedForward(sizes.width, sizes.encoder_inner)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(x, attn_mask=mask))
        return x + self.dropout(self.feed_forward(x))


class DecoderLayer(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float):
        super().__init__()
        self.attention = SelfAttention(sizes.width, sizes.heads)
        self.cross_attention = CrossAttention(sizes.width, sizes.heads)
        self.feed_forward = FeedForward(sizes.width, sizes.decoder_inner)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(x, is_causal=True))
        keys, values = self.cross_attention.keys_values(source)
        x = x + self.dropout(self.cross_attention(x, keys, values, mask))
        return x + self.dropout(self.feed_forward(x))

    def step(self, x: Tensor, state: LayerState, mask: Tensor) -> Tensor:
        """One token more of every row, [rows, 1, d]."""
        queries, keys, values = self.attention.project(x)
        if state.keys is not None:
            keys, values = torch.cat([state.keys, keys], 2), torch.cat([state.values, values], 2)
        state.keys, state.values = keys, values
        x = x + self.attention.output(attend(queries, keys, values))
        x = x + self.cross_attention(x, state.source_keys, state.source_values, mask)
        return x + self.feed_forward(x)


class Twin(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float = 0.0):
        super().__init__()
        self.sizes = sizes
        self.embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.source_positions = nn.Embedding(sizes.source_tokens, sizes.width)
        self.target_positions = nn.Embedding(sizes.target_tokens, sizes.width)
        nn.init.normal_(self.embeddings.weight, std=sizes.width**-0.5)
        nn.init.normal_(self.source_positions.weight, std=0.02)
        nn.init.normal_(self.target_positions.weight, std=0.02)
        self.encoder = nn.ModuleList(EncoderLayer(sizes, dropout) for _ in range(sizes.encoder_layers))
        self.encoder_norm = nn.LayerNorm(sizes.width)
        self.decoder = nn.ModuleList(DecoderLayer(sizes, dropout) for _ in range(sizes.decoder_layers))
        self.decoder_norm = nn.LayerNorm(sizes.width)
        self.bias = nn.Parameter(torch.zeros(sizes.vocabulary))
        self.dropout = nn.Dropout(dropout)

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self.dropout(self.embeddings(ids) * self.sizes.width**0.5 + positions)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Ids [B, S] -> vectors [B, S, d], mask of real tokens [B, 1, 1, S]"""
        mask = (source != self.sizes.pad)[:, None, None, :]
        x = self.embed(source, self.source_positions.weight[: source.shape[1]])
        for layer in self.encoder:
            x = layer(x, mask)
        return self.encoder_norm(x), mask

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Vectors that predict the tokens of `target` [B, L], each from those left of it, [B, L, d]"""
        memory, mask = self.encode(source)
        inputs = torch.cat([torch.full_like(target[:, :1], self.sizes.begin), target[:, :-1]], 1)
        x = self.embed(inputs, self.target_positions.weight[: inputs.shape[1]])
        for layer in self.decoder:
            x = layer(x, memory, mask)
        return self.decoder_norm(x)

    def logits(self, x: Tensor) -> Tensor:
        return F.linear(x, self.embeddings.weight, self.bias)

    def start(self, source: Tensor) -> State:
        """Encodes sources [B, S] for decoding token by token."""
        memory, mask = self.encode(source)
        layers = [LayerState(None, None, *layer.cross_attention.keys_values(memory)) for layer in self.decoder]
        return State(layers, mask, 0)

    def step(self, ids: Tensor, state: State) -> Tensor:
        """The next token's logits [rows, V], after one token more of every row, [rows]."""
        x = self.embed(ids[:, None], self.target_positions.weight[state.position])
        for layer, layer_state in zip(self.decoder, state.layers):
            x = layer.step(x, layer_state, state.source_mask)
        state.position += 1
        return self.logits(self.decoder_norm(x[:, 0]))
