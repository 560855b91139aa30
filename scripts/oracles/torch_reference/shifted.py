"""Records a small network in the shifted layout, with a chain head, as plain PyTorch computes it.

    .venv/bin/python scripts/oracles/torch_reference/shifted.py --output tests/data/shifted_chain.safetensors

A settled slot at position p holds the embedding of the token left of it, attends to settled slots up to itself and
predicts the token of its position; the slots of a block wait behind a settled slot, hold one learned vector, attend to
the settled slots up to that one and to each other, and their predictions are made to fit the token left of them by the
chain head. The file holds weights (`weight.*`), a batch, what every slot predicts, the loss of a training batch with its
gradients (`gradient.*`), and the tokens that each block drafts greedily.
"""

import argparse
from pathlib import Path

import torch
from network import Config, Denoiser, merge_heads, split_heads, to_additive_mask
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

VOCABULARY, WIDTH, HEADS, CHAIN, POSITIONS = 37, 16, 2, 12, 12
SETTLED, BLOCK, BLOCK_STARTS = 9, 3, [0, 2, 5]  # a block begins after each of these slots
START_ID, WAITING_WEIGHT, SMOOTHING = 1, 0.3, 0.1
CONFIG = Config(
    time_channels=6, in_channels=WIDTH, out_channels=WIDTH, diffusion_steps=20, tgt_len=SETTLED, max_pos_len=POSITIONS,
    intermediate_size=20, num_attention_heads=HEADS, vocab_size=VOCABULARY, pad_value=0, att_strategy=None,
    time_att=True, self_condition=False, infer_self_condition=False, schedule_sampler="xy_uniform", end_point_scale=2.0,
    noise_schedule="sqrt", rescale_timesteps=True, gen_timesteps=20, hidden_size=WIDTH, encoder_layers=1,
    decoder_layers=2,
)


class Shifted(Denoiser):
    def __init__(self):
        super().__init__(CONFIG)
        for block in self.transformer_blocks:
            block.time_trans = None
        self.waiting_embedding = nn.Parameter(torch.empty(WIDTH))
        self.token_chain = nn.Sequential(nn.Linear(2 * WIDTH, CHAIN), nn.GELU(), nn.Linear(CHAIN, WIDTH))

    def predict(self, held: Tensor, positions: Tensor, allowed: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """held [B,N,C], positions [N], allowed [N,N] bool -> x0 [B,N,C]."""
        hidden = self.LayerNorm(held + self.position_embeddings(positions))
        forbidden = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))
        for block in self.transformer_blocks:
            x, attention = block.norm1(hidden), block.attn1
            query, key, value = (split_heads(to(x), HEADS) for to in (attention.to_q, attention.to_k, attention.to_v))
            scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + forbidden
            hidden = hidden + attention.to_out[0](merge_heads(scores.softmax(-1) @ value))
            hidden = hidden + block.attn2(block.norm2(hidden), source, to_additive_mask(source_mask))
            hidden = hidden + block.ff(block.norm3(hidden))
        return hidden

    def chained(self, x0: Tensor, left: Tensor) -> Tensor:
        return x0 + self.token_chain(torch.cat([x0, self.word_embedding(left)], -1))


def layout() -> tuple[Tensor, Tensor, Tensor]:
    """Positions [N], whether a slot waits [N], who attends to whom [N,N]."""
    waiting = [start + 1 + j for start in BLOCK_STARTS for j in range(BLOCK)]
    positions = torch.tensor([*range(SETTLED), *waiting])
    allowed = torch.zeros(len(positions), len(positions), dtype=torch.bool)
    allowed[:SETTLED, :SETTLED] = torch.ones(SETTLED, SETTLED, dtype=torch.bool).tril()
    for block, start in enumerate(BLOCK_STARTS):
        own = slice(SETTLED + block * BLOCK, SETTLED + (block + 1) * BLOCK)
        allowed[own, : start + 1] = True
        allowed[own, own] = True
    return positions, torch.arange(len(positions)) >= SETTLED, allowed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    network = Shifted().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        for module in network.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight.add_(1)

    lengths = [7, 3, 1]
    batch = len(lengths)
    source_ids = torch.randint(3, VOCABULARY, (batch, max(lengths)), generator=generator)
    source_mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    source_ids = source_ids * source_mask
    tokens = torch.randint(3, VOCABULARY, (batch, SETTLED), generator=generator)
    left_of = torch.cat([torch.full((batch, 1), START_ID), tokens[:, :-1]], 1)
    positions, waits, allowed = layout()
    targets, left = tokens[:, positions], left_of[:, positions]
    weights = torch.where(waits, WAITING_WEIGHT, 1.0).expand(batch, -1)

    source = network.encode(source_ids, source_mask.float())
    held = torch.where(waits[:, None], network.waiting_embedding, network.word_embedding(left))
    x0 = network.predict(held, positions, allowed, source, source_mask.float())
    read = torch.where(waits[:, None], network.chained(x0, left), x0)
    log_probability = network.logits(read).log_softmax(-1)
    nll = -log_probability.gather(-1, targets[..., None]).squeeze(-1)
    smoothed = (1 - SMOOTHING) * nll - SMOOTHING * log_probability.mean(-1)
    loss = (smoothed * weights).sum() / weights.sum()
    loss.backward()

    drafts, draft_scores = [], []
    with torch.no_grad():
        for block, start in enumerate(BLOCK_STARTS):
            chosen = tokens[:, start]
            for j in range(BLOCK):
                x = network.chained(x0[:, SETTLED + block * BLOCK + j], chosen)
                scores = network.logits(x).log_softmax(-1)
                best, second = scores.topk(2, -1).values.unbind(-1)
                if (best - second).min() < 1e-3:
                    raise SystemExit("A drafted token is nearly tied: choose another seed")
                chosen = scores.argmax(-1)
                drafts.append(chosen)
                draft_scores.append(scores.gather(-1, chosen[:, None]).squeeze(-1))
    shape = (len(BLOCK_STARTS), BLOCK, batch)
    tensors = {
        "source_ids": source_ids.int(), "source_mask": source_mask.int(), "tokens": tokens.int(),
        "positions": positions.int(), "waits": waits.int(), "attention_mask": allowed.int(),
        "target_ids": targets.int(), "left_ids": left.int(), "weights": weights, "x0": x0.detach(),
        "log_probability": log_probability.detach()[:, :SETTLED], "nll": smoothed.detach(), "loss": loss.detach().reshape(1),
        "block_start": torch.tensor(BLOCK_STARTS).int(),
        "draft_ids": torch.stack(drafts).view(shape).permute(2, 0, 1).int(),
        "draft_log_probability": torch.stack(draft_scores).view(shape).permute(2, 0, 1),
    }
    for name, parameter in network.named_parameters():
        if "pooler" in name:
            continue
        tensors[f"weight.{name}"] = parameter.detach()
        tensors[f"gradient.{name}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, arguments.output)


if __name__ == "__main__":
    main()
