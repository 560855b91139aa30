"""Makes folders of golden values: random weights, inputs, and what the PyTorch network computes from them.

The format is that of the recorded reference values (tests/golden/README.md), so one checker serves both. Everything
is drawn from one seed. A folder whose token ids hang on a near-tie is refused, because another machine's rounding
could then choose differently.

    python make_golden.py --output tests/golden                     every committed folder
    python make_golden.py --output tests/golden --only txl_uneven   one of them
    python make_golden.py --output DIR --config FILE --seed 5 --source-lengths 9,4,1
"""

import argparse
import dataclasses
import json
from pathlib import Path

import torch
from diffusion import (
    Losses,
    is_token_level,
    model_timesteps,
    sample,
    scale_timesteps,
    skipping_grid,
    training_losses,
)
from network import Config, Denoiser
from safetensors.torch import save_file
from torch import Tensor

SMALLEST_MARGIN = 2e-5  # relative; float32 implementations differ by about 1e-6


@dataclasses.dataclass
class Recipe:
    config: Config
    seed: int
    source_lengths: list[int]  # one example each; the longest sets S


BASE = Config(
    time_channels=10,
    in_channels=14,
    out_channels=14,
    diffusion_steps=2000,
    tgt_len=7,
    max_pos_len=12,
    intermediate_size=96,
    num_attention_heads=2,
    vocab_size=97,
    pad_value=0,
    att_strategy="txl",
    time_att=True,
    self_condition=False,
    infer_self_condition=False,
    schedule_sampler="xy_uniform",
    end_point_scale=2.0,
    noise_schedule="sqrt",
    rescale_timesteps=True,
    gen_timesteps=4,
    hidden_size=24,
    encoder_layers=1,
    decoder_layers=2,
)

COMMITTED = {
    # Head width 12, odd lengths, three times as many decoder as encoder layers.
    "txl_uneven": Recipe(
        dataclasses.replace(BASE, decoder_layers=3), seed=11, source_lengths=[9, 4, 1]
    ),
    # 2C = d: the widths agree, yet the input projection is there.
    "rotary_selfcond": Recipe(
        dataclasses.replace(
            BASE, att_strategy="rotary", self_condition=True, infer_self_condition=True, in_channels=10,
            out_channels=10, hidden_size=20, intermediate_size=80, encoder_layers=2, decoder_layers=1,
            end_point_scale=1.5,
        ),
        seed=12,
        source_lengths=[5, 8],
    ),
    # Head width 2.
    "additive_selfcond": Recipe(
        dataclasses.replace(
            BASE, att_strategy=None, time_att=False, self_condition=True, infer_self_condition=True, in_channels=8,
            out_channels=8, hidden_size=16, intermediate_size=64, num_attention_heads=8, diffusion_steps=1000,
            noise_schedule="cosine", time_channels=6,
        ),
        seed=13,
        source_lengths=[6, 6, 2],
    ),
    # One timestep per sentence, yet in self-attention (where it then cancels out); raw timesteps.
    "sentence_txl": Recipe(
        dataclasses.replace(
            BASE, schedule_sampler="uniform", diffusion_steps=500, noise_schedule="linear", rescale_timesteps=False,
            hidden_size=16, intermediate_size=64, num_attention_heads=4, gen_timesteps=5,
        ),
        seed=14,
        source_lengths=[7, 3],
    ),
    # C = d: neither projection.
    "txl_no_projection": Recipe(
        dataclasses.replace(BASE, in_channels=24, out_channels=24, num_attention_heads=6, tgt_len=10),
        seed=15,
        source_lengths=[4, 10],
    ),
    # C = d with self-conditioning: an input projection only; self-conditioning trained but not used in generation.
    "rotary_input_projection": Recipe(
        dataclasses.replace(
            BASE, att_strategy="rotary", self_condition=True, in_channels=16, out_channels=16, hidden_size=16,
            intermediate_size=64, num_attention_heads=4,
        ),
        seed=16,
        source_lengths=[3, 7],
    ),
    # Few noise levels and many slots: most steps are left-to-right, slots come to rest one after another.
    # Encoder FFN not 4d; padding id not 0.
    "txl_left_to_right": Recipe(
        dataclasses.replace(
            BASE, hidden_size=20, intermediate_size=52, in_channels=6, out_channels=6, tgt_len=21, max_pos_len=31,
            diffusion_steps=50, end_point_scale=3.0, gen_timesteps=14, pad_value=3, encoder_layers=2,
            decoder_layers=1,
        ),
        seed=17,
        source_lengths=[31, 1, 2],
    ),
    "single_slot": Recipe(
        dataclasses.replace(
            BASE, hidden_size=8, intermediate_size=32, num_attention_heads=1, in_channels=6, out_channels=6,
            tgt_len=1, max_pos_len=1, vocab_size=5, time_channels=2, encoder_layers=1, decoder_layers=1,
        ),
        seed=18,
        source_lengths=[1],
    ),
}


# ---- Inputs ----------------------------------------------------------------------------------------------------------


def randomize(network: Denoiser, generator: torch.Generator) -> None:
    """Every parameter matters: unit-scale activations, LayerNorm weights off 1, biases off 0."""
    for name, parameter in network.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("LayerNorm.weight") or ".norm" in name and name.endswith(".weight"):
            value = 1 + 0.1 * noise
        elif name.endswith("r_w_bias") or name.endswith("r_r_bias"):
            value = 0.5 + 0.3 * noise
        elif name.endswith("bias"):
            value = 0.1 * noise
        elif name == "word_embedding.weight":
            value = noise
        elif "embeddings" in name:
            value = 0.3 * noise
        else:
            value = noise * 1.2 / parameter.shape[1] ** 0.5
        with torch.no_grad():
            parameter.copy_(value)


def random_ids(config: Config, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Any id but the padding."""
    ids = torch.randint(config.vocab_size - 1, shape, generator=generator)
    return ids + (ids >= config.pad_value)


def random_source(config: Config, lengths: list[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ids and mask [B,S]."""
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    ids = random_ids(config, tuple(mask.shape), generator)
    return torch.where(mask == 1, ids, config.pad_value), mask


def random_target(config: Config, batch: int, generator: torch.Generator) -> Tensor:
    """Ids [B,N], padded from a random length on."""
    lengths = torch.randint(1, config.tgt_len + 1, (batch, 1), generator=generator)
    ids = random_ids(config, (batch, config.tgt_len), generator)
    return torch.where(torch.arange(config.tgt_len) < lengths, ids, config.pad_value)


def random_sentence_timesteps(config: Config, batch: int, generator: torch.Generator) -> Tensor:
    """[B]: the first example has slots at t = 0, the others are anywhere."""
    if is_token_level(config):
        span, first = config.diffusion_steps + config.tgt_len, config.tgt_len // 2
    else:
        span, first = config.diffusion_steps, 0
    timesteps = torch.randint(span, (batch,), generator=generator)
    timesteps[0] = first
    return timesteps


# ---- Outputs ---------------------------------------------------------------------------------------------------------


def gradients(network: Denoiser) -> dict[str, Tensor]:
    """d mean loss / d parameter; zero for the pooler, which nothing reads."""
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in network.named_parameters()
    }


def weights(network: Denoiser) -> dict[str, Tensor]:
    """Parameters and `position_ids`; the tied table is written under both of its names."""
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def loss_tensors(losses: Losses) -> dict[str, Tensor]:
    named = {field.name: getattr(losses, field.name).detach() for field in dataclasses.fields(losses)}
    return {**named, "loss": named["loss"].reshape(1)}


def require_margin(scores: Tensor, what: str) -> None:
    """scores [..., V], larger is better."""
    best, second = scores.double().topk(2, dim=-1).values.unbind(-1)
    margin = ((best - second) / scores.abs().amax()).min().item()
    if margin < SMALLEST_MARGIN:
        raise SystemExit(f"The {what} is nearly tied (relative margin {margin:.1e}): choose another seed")


def make_folder(recipe: Recipe, folder: Path) -> None:
    config, generator = recipe.config, torch.Generator().manual_seed(recipe.seed)
    network = Denoiser(config).eval()
    randomize(network, generator)
    batch, slots, channels = len(recipe.source_lengths), config.tgt_len, config.in_channels

    def noise(*leading: int) -> Tensor:
        return torch.randn(*leading, batch, slots, channels, generator=generator)

    source_ids, source_mask = random_source(config, recipe.source_lengths, generator)
    target_ids = random_target(config, batch, generator)
    sentence_timestep = random_sentence_timesteps(config, batch, generator)
    timesteps = model_timesteps(config, sentence_timestep)
    source = {"src_input_ids": source_ids, "src_attention_mask": source_mask}

    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, tensors: dict[str, Tensor]) -> None:
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, folder / f"{name}.safetensors")

    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
    write("weights", weights(network))

    # Denoiser
    z, self_condition = noise(), noise() if config.self_condition else None
    scaled = scale_timesteps(config, timesteps)
    with torch.no_grad():
        encoder_output = network.encode(source_ids, source_mask)
        x0_hat = network(z, scaled, encoder_output, source_mask, self_condition)
        logits = network.logits(x0_hat)
    denoiser = {
        **source,
        "encoder_output": encoder_output,
        "z": z,
        "token_timestep": timesteps,
        "scaled_timestep": scaled,
        "x0_hat": x0_hat,
        "logits": logits,
    }
    write("denoiser", denoiser if self_condition is None else {**denoiser, "self_cond": self_condition})

    # Training, the second time with a self-conditioning input
    for with_self_condition in [False, True] if config.self_condition else [False]:
        noises = {"embedding_noise": noise(), "diffusion_noise": noise()}
        network.zero_grad()
        losses = training_losses(
            config, network, network.encode(source_ids, source_mask), source_mask, target_ids, timesteps, **noises,
            with_self_condition=with_self_condition,
        )
        losses.loss.backward()
        values = {**noises, **loss_tensors(losses)}
        if with_self_condition:
            for repeated in ("mse_pre", "t0_loss", "prior"):
                del values[repeated]
            named_gradients = {f"grad.{name}": gradient for name, gradient in gradients(network).items()}
            write("training_selfcond", {**values, **named_gradients})
        else:
            inputs = {
                **source,
                "tgt_input_ids": target_ids,
                "sentence_timestep": sentence_timestep,
                "token_timestep": timesteps,
            }
            write("training", {**inputs, **values})
            write("gradients", gradients(network))

    # Generation
    steps = len(skipping_grid(config)) - 1
    for name, rounding in (("sampling_plain", False), ("sampling_rounded", True)):
        noises = {"initial_noise": noise(), "step_noise": noise(steps)}
        trajectory, raw_predictions = sample(config, network, encoder_output, source_mask, **noises, rounding=rounding)
        require_margin(network.logits(trajectory.z[-1]), "final token")
        if rounding:
            require_margin(-torch.cdist(raw_predictions, network.word_embedding.weight), "nearest embedding")
        write(name, {**noises, **dataclasses.asdict(trajectory)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder; the committed recipes make one in it each")
    parser.add_argument("--only", choices=COMMITTED, help="one committed recipe")
    parser.add_argument("--config", type=Path, help="a config.json, for a folder of your own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source-lengths", default="9,4,1", help="comma-separated, one example each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    if arguments.config is not None:
        lengths = [int(length) for length in arguments.source_lengths.split(",")]
        make_folder(Recipe(Config.read(arguments.config), arguments.seed, lengths), arguments.output)
        return
    for name, recipe in COMMITTED.items():
        if arguments.only in (None, name):
            make_folder(recipe, arguments.output / name)


if __name__ == "__main__":
    main()
