"""How the twin writes: greedily or by beam search, with keys and values of earlier tokens kept."""

import torch
from torch import Tensor
from twin_data import Sizes
from twin_network import Twin


def pad_rows(rows: list[list[int]], pad: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


@torch.inference_mode()
def translate(network: Twin, sources: list[list[int]], beam: int, batch_size: int) -> list[list[int]]:
    """Ids of an output for every source, without the end token, in the order of the sources."""
    search = greedy if beam == 1 else beam_search
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    outputs: list[list[int]] = [[] for _ in sources]
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        source = pad_rows([sources[row] for row in rows], network.sizes.pad)
        for row, ids in zip(rows, search(network, source, beam)):
            outputs[row] = ids
    return outputs


def greedy(network: Twin, source: Tensor, _beam: int) -> list[list[int]]:
    """The likeliest token, again and again. Rows that have ended leave the batch."""
    sizes = network.sizes
    state = network.start(source)
    outputs: list[list[int]] = [[] for _ in range(len(source))]
    rows = list(range(len(source)))
    ids = torch.full((len(source),), sizes.begin)
    for _ in range(sizes.target_tokens):
        ids = network.step(ids, state).argmax(-1)
        kept = [place for place, id_ in enumerate(ids.tolist()) if id_ != sizes.end]
        if len(kept) < len(rows):
            rows = [rows[place] for place in kept]
            if not rows:
                break
            chosen = torch.tensor(kept)
            ids = ids[chosen]
            state.select(chosen)
        for row, id_ in zip(rows, ids.tolist()):
            outputs[row].append(id_)
    return outputs


class Hypotheses:
    """A sentence's finished hypotheses; the best has the highest log-probability a token."""

    def __init__(self):
        self.found: list[tuple[float, list[int]]] = []

    def add(self, score: float, ids: list[int]) -> None:
        self.found.append((score / (len(ids) + 1), ids))  # the end token counts

    def best(self) -> list[int]:
        return max(self.found, key=lambda found: found[0])[1]


def beam_search(network: Twin, source: Tensor, beam: int) -> list[list[int]]:
    """The best of as many finished hypotheses as the beam is wide. Sentences that have them leave the batch."""
    sizes = network.sizes
    state = network.start(source)
    state.repeat(beam)
    finished = [Hypotheses() for _ in range(len(source))]
    sentences = list(range(len(source)))  # those in the batch
    written: list[list[list[int]]] = [[[] for _ in range(beam)] for _ in sentences]
    scores = torch.full((len(source), beam), -torch.inf)
    scores[:, 0] = 0  # all beams are alike before the first token
    ids = torch.full((len(source) * beam,), sizes.begin)
    for _ in range(sizes.target_tokens):
        totals = network.step(ids, state).log_softmax(-1).view(len(sentences), beam, -1) + scores[..., None]
        best = totals.flatten(1).topk(2 * beam)
        steps = [
            extend(beams, values, choices, finished[sentence], sizes, beam)
            for sentence, beams, values, choices in zip(
                sentences, written, best.values.tolist(), best.indices.tolist()
            )
        ]
        going = [place for place, sentence in enumerate(sentences) if len(finished[sentence].found) < beam]
        if not going:
            break
        sentences = [sentences[place] for place in going]
        steps = [steps[place] for place in going]
        written = [[row for _, row, _ in step] for step in steps]
        scores = torch.tensor([[score for score, _, _ in step] for step in steps])
        state.select(torch.tensor([place * beam + parent for place, step in zip(going, steps) for *_, parent in step]))
        ids = torch.tensor([row[-1] for rows in written for row in rows])
    else:
        for sentence, rows, values in zip(sentences, written, scores.tolist()):
            for row, score in zip(rows, values):
                finished[sentence].add(score, row)
    return [hypotheses.best() for hypotheses in finished]


def extend(
    beams: list[list[int]],
    scores: list[float],
    choices: list[int],
    finished: Hypotheses,
    sizes: Sizes,
    beam: int,
) -> list[tuple[float, list[int], int]]:
    """A sentence's next beams, as score, ids and the beam each comes of; its finished ones are put aside."""
    following: list[tuple[float, list[int], int]] = []
    for rank, (score, choice) in enumerate(zip(scores, choices)):
        parent, id_ = divmod(choice, sizes.vocabulary)
        if id_ == sizes.end:
            if rank < beam:
                finished.add(score, beams[parent])
        elif len(following) < beam:
            following.append((score, [*beams[parent], id_], parent))
    return following
