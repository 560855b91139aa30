"""The autoregressive twin of a configuration: a Transformer of the same widths, layers, tokenizer and data, in PyTorch.

    bench/rivals.sh bench/twin.py train --config configs/tatoeba-en-fr-small.toml \
      --tokenizer models/tatoeba-en-fr-small/tokenizer.json --output runs/twin --minutes 20
    bench/rivals.sh bench/twin.py evaluate --config configs/tatoeba-en-fr-small.toml --twin runs/twin

`train` takes a budget, in minutes of processor time (data and validation are not counted) or in updates, and spreads
its learning rate over it: it rises over the first updates and falls to 0 over the last 40 % of the budget. It writes
sizes.json, tokenizer.json, log.jsonl (loss of the next token on dev, in nats, by processor minutes) and weights.pt, the
average of the weights. `evaluate` prints BLEU of greedy and beam output on the configuration's dev set, all references
of a source together where the set says group_sources, and writes the outputs beside the weights.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # processor time is what is measured

import sacrebleu
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from twin_data import (
    Example,
    Pair,
    Sizes,
    batches_without_end,
    data_set,
    encode_all,
    encode_pairs,
    fail,
    read_config,
    read_examples,
    read_tokenizer,
    sizes_of,
    spaced,
)
from twin_network import Twin
from twin_search import pad_rows, translate

WARM_UP = 200  # updates
DECAY_SHARE = 0.4  # of the budget
CLIP_NORM = 1.0
AVERAGE_DECAY = 0.998
VALIDATION_BATCH = 100


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    arguments.run(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    training = commands.add_parser("train")
    training.set_defaults(run=train)
    training.add_argument("--tokenizer", required=True, help="tokenizer.json")
    training.add_argument("--output", required=True, type=Path, help="folder to write")
    budget = training.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="processor minutes")
    budget.add_argument("--updates", type=int)
    training.add_argument("--learning-rate", type=float, default=1.5e-3)
    training.add_argument("--batch-size", type=int, default=64, help="rows of an update")
    training.add_argument("--dropout", type=float, default=0.1)
    training.add_argument("--label-smoothing", type=float, default=0.1)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--every", type=int, default=500, help="updates between validations")
    training.add_argument("--loss-lines", type=int, default=1000, help="dev pairs of a validation")

    evaluation = commands.add_parser("evaluate")
    evaluation.set_defaults(run=evaluate)
    evaluation.add_argument("--twin", required=True, type=Path, help="folder that train wrote")
    evaluation.add_argument("--beam", type=int, default=5, help="width of the beam search")
    evaluation.add_argument("--lines", type=int, help="only so many sources, the first")
    evaluation.add_argument("--translation-batch", type=int, default=64)

    for command in (training, evaluation):
        command.add_argument("--config", required=True, help="a configuration of ardiff train")
        command.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


# ---------------------------------------------------------------------------- training -----------


def train(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    tokenizer = read_tokenizer(arguments.tokenizer)
    sizes = sizes_of(config, tokenizer)
    pairs = encode_pairs(tokenizer, read_examples(data_set(config, "train")), sizes)
    dev = spaced(encode_pairs(tokenizer, read_examples(data_set(config, "dev")), sizes), arguments.loss_lines)

    arguments.output.mkdir(parents=True, exist_ok=True)
    sizes.save(arguments.output / "sizes.json")
    shutil.copyfile(arguments.tokenizer, arguments.output / "tokenizer.json")
    with open(arguments.output / "log.jsonl", "w", encoding="utf-8") as log:

        def record(entry: dict) -> None:
            print(json.dumps(entry), file=log, flush=True)

        torch.manual_seed(arguments.seed)
        trainer = Trainer(Twin(sizes, arguments.dropout), arguments)
        parameters = sum(parameter.numel() for parameter in trainer.network.parameters())
        options = {name: str(value) for name, value in vars(arguments).items() if name != "run"}
        record({"options": options, "sizes": asdict(sizes), "parameters": parameters, "pairs": len(pairs)})
        trainer.run(pairs, dev, record)


class Trainer:
    def __init__(self, network: Twin, arguments: argparse.Namespace):
        self.network = network
        self.arguments = arguments
        self.parameters = list(network.parameters())
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer = torch.optim.AdamW(self.parameters, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.updates = 0
        self.seconds = 0.0  # processor seconds of updates

    def share(self) -> float:
        """How much of the budget is used up."""
        if self.arguments.updates is not None:
            return self.updates / self.arguments.updates
        return self.seconds / (60 * self.arguments.minutes)

    def learning_rate(self) -> float:
        rising = (self.updates + 1) / WARM_UP
        falling = (1 - self.share()) / DECAY_SHARE
        return self.arguments.learning_rate * min(1.0, rising, falling)

    def run(self, pairs: list[Pair], dev: list[Pair], record: Callable[[dict], None]) -> None:
        losses: list[float] = []
        for batch in batches_without_end(pairs, self.arguments.batch_size, self.arguments.seed):
            started = time.process_time()
            losses.append(self.update(batch))
            self.seconds += time.process_time() - started
            ended = self.share() >= 1
            if ended or self.updates % self.arguments.every == 0:
                record({
                    "update": self.updates,
                    "minutes": round(self.seconds / 60, 3),
                    "learning_rate": self.learning_rate(),
                    "train_loss": round(sum(losses) / len(losses), 4),
                    "dev_loss": round(self.validate(dev), 4),
                })
                losses.clear()
            if ended:
                return

    def update(self, batch: list[Pair]) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss, tokens = token_loss(self.network, batch, self.arguments.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        (loss / tokens).backward()
        nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        self.optimizer.step()
        # The average's decay starts low, so that random weights leave no trace in it.
        decay = min(AVERAGE_DECAY, self.updates / (self.updates + 50))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        self.updates += 1
        return loss.item() / tokens

    @torch.no_grad()
    def validate(self, dev: list[Pair]) -> float:
        """Loss of the averaged weights, which are saved."""
        kept = [parameter.clone() for parameter in self.parameters]
        torch._foreach_copy_(self.parameters, self.average)
        self.network.eval()
        loss = mean_loss(self.network, dev)
        save_weights(self.network, self.arguments.output / "weights.pt")
        self.network.train()
        torch._foreach_copy_(self.parameters, kept)
        return loss


def token_loss(network: Twin, batch: list[Pair], label_smoothing: float) -> tuple[Tensor, int]:
    """Summed cross-entropy of a batch's target tokens, end token included, and their number."""
    pad = network.sizes.pad
    source, target = pad_rows([pair.source for pair in batch], pad), pad_rows([pair.target for pair in batch], pad)
    lengths = torch.tensor([len(pair.target) for pair in batch])
    real = torch.arange(target.shape[1]) < lengths[:, None]
    logits = network.logits(network(source, target)[real])
    loss = F.cross_entropy(logits, target[real], label_smoothing=label_smoothing, reduction="sum")
    return loss, len(logits)


def mean_loss(network: Twin, pairs: list[Pair]) -> float:
    """Loss of the next token, in nats, without smoothing."""
    ordered = sorted(pairs, key=lambda pair: len(pair.target))
    batches = [ordered[i : i + VALIDATION_BATCH] for i in range(0, len(ordered), VALIDATION_BATCH)]
    parts = [token_loss(network, batch, 0.0) for batch in batches]
    return sum(loss.item() for loss, _ in parts) / sum(tokens for _, tokens in parts)


def save_weights(network: Twin, path: Path) -> None:
    unfinished = path.with_suffix(".tmp")
    torch.save(network.state_dict(), unfinished)
    unfinished.replace(path)


# ---------------------------------------------------------------------------- evaluation ---------


def load_twin(folder: Path) -> Twin:
    if not (folder / "weights.pt").exists():
        fail(f'Cannot find a twin in "{folder}": make one with bench/twin.py train')
    network = Twin(Sizes.load(folder / "sizes.json"))
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return network.eval()


def evaluate(arguments: argparse.Namespace) -> None:
    network = load_twin(arguments.twin)
    tokenizer = read_tokenizer(str(arguments.twin / "tokenizer.json"))
    examples = read_examples(data_set(read_config(arguments.config), "dev"))[: arguments.lines]
    texts = [example.source for example in examples]
    sources = encode_all(tokenizer, texts, network.sizes.source_tokens, network.sizes.end)
    for name, beam in {"greedy": 1, f"beam{arguments.beam}": arguments.beam}.items():
        started = time.process_time()
        outputs = translate(network, sources, beam, arguments.translation_batch)
        seconds = time.process_time() - started
        texts = tokenizer.decode_batch(outputs, skip_special_tokens=True)
        (arguments.twin / f"{name}.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        tokens = sum(map(len, outputs)) / len(outputs)
        print(
            json.dumps({
                "search": name,
                "bleu": round(bleu(texts, examples), 2),
                "lines": len(texts),
                "tokens": round(tokens, 2),
                "processor_seconds": round(seconds, 2),
            }),
            flush=True,
        )


def bleu(texts: list[str], examples: list[Example]) -> float:
    """Corpus BLEU of sacreBLEU, as many references a line as it has."""
    most = max(len(example.references) for example in examples)
    streams = [
        [example.references[i] if i < len(example.references) else None for example in examples] for i in range(most)
    ]
    return sacrebleu.corpus_bleu(texts, streams).score


if __name__ == "__main__":
    main()
