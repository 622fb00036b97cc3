"""Search for the most probable translation, on the model's device. Imports torch."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

State = Any
"""Tuples of tensors, also of tuples; the first dimension of every tensor is the batch."""


class EncoderDecoder(Protocol):
    """A model that can be asked for one token after another. A shape, not a base class."""

    def encode(self, source: Tensor) -> State:
        """What `step` has to know of sources `(batch, m)`, padded."""
        ...

    def step(self, tokens: Tensor, memory: State, cache: State | None) -> tuple[Tensor, State]:
        """The logits `(batch, vocab_size)` of what follows, and the cache for the next step.

        Arguments:
            tokens: the last token of each sample, `(batch,)`; bos at first.
            memory: what `encode` returned.
            cache: what the step before returned; None at first.
        """
        ...


@torch.no_grad()
def beam_search(
    model: EncoderDecoder,
    source: Tensor,
    *,
    pad_id: int,
    bos_id: int,
    eos_id: int,
    beam: int = 1,
    length_penalty: float = 1.0,
    max_length: int = 200,
) -> list[list[int]]:
    """The best translation found for each source, as tokens without bos and eos.

    At every step the `beam` most probable beginnings are kept (with 1 it is greedy). A search is over when it has as
    many ends as `beam`, or no beginning can become better than the best end. Ends are compared by the logarithm of
    their probability divided by their length to the power of `length_penalty` (eos counts).

    Arguments:
        model: in evaluation mode.
        source: `(batch, m)`, padded.
        pad_id: never said.
        bos_id: what a translation begins with; never said again.
        eos_id: what ends one.
        beam: how many beginnings are kept for each source.
        length_penalty: 0 compares probabilities, which the shortest win; 1 the mean of each token.
        max_length: a translation has at most as many tokens, eos counted, and at most twice those of its source and ten
            more; one that has not ended by then is cut off.

    Raises:
        ValueError: `beam` or `max_length` is no number from 1 up, or `length_penalty` is negative.
    """
    if beam < 1 or max_length < 1 or length_penalty < 0:
        raise ValueError(f"beam={beam}, max_length={max_length}: from 1 up; length_penalty={length_penalty}: from 0 up")
    sentences, device = len(source), source.device
    limits = (2 * (source != pad_id).sum(1) + 10).clamp(max=max_length)
    found = torch.full((sentences, int(limits.max())), eos_id, device=device)
    best = torch.full((sentences,), -torch.inf, device=device)
    # Of the sentences that are still looked for; they become fewer.
    places = torch.arange(sentences, device=device)
    ends = torch.zeros(sentences, dtype=torch.int64, device=device)
    scores = torch.full((sentences, beam), -torch.inf, device=device)
    scores[:, 0] = 0
    said = torch.full((sentences, beam, 1), bos_id, device=device)
    memory = rows_of(model.encode(source), places.repeat_interleave(beam))
    cache: State | None = None
    length = 0
    while len(places):
        length += 1
        logits, cache = model.step(said[:, :, -1].flatten(), memory, cache)
        logits = logits.float()
        logits[:, [pad_id, bos_id]] = -torch.inf
        vocab_size = logits.shape[1]
        reached = scores[:, :, None] + logits.log_softmax(1).reshape(-1, beam, vocab_size)
        # Each of the beginnings has one end: among twice as many there are enough that go on.
        values, index = reached.flatten(1).topk(min(2 * beam, beam * vocab_size))
        parents, tokens = index // vocab_size, index % vocab_size
        ended = tokens == eos_id

        at_end = values[:, :beam].masked_fill(~ended[:, :beam], -torch.inf) / length**length_penalty
        score, which = at_end.max(1)
        better = score > best[places]
        best[places] = torch.where(better, score, best[places])
        winners = said[torch.arange(len(places), device=device), parents.gather(1, which[:, None])[:, 0], 1:]
        found[places[better]] = eos_id
        found[places[better], : length - 1] = winners[better]
        ends += at_end.isfinite().sum(1)

        going = ended.long().argsort(dim=1, stable=True)[:, :beam]
        scores, parents, tokens = (part.gather(1, going) for part in (values, parents, tokens))
        scores = scores.masked_fill(tokens == eos_id, -torch.inf)  # where the vocabulary is smaller than the beam
        said = torch.cat((said.gather(1, parents[:, :, None].expand(-1, -1, length)), tokens[:, :, None]), dim=2)
        kept = (torch.arange(len(places), device=device)[:, None] * beam + parents).flatten()

        # Nothing that is said later makes a beginning more probable, and the longest gains most from its length.
        hopeless = scores[:, 0] / limits**length_penalty <= best[places]
        done = (ends >= beam) | hopeless | (limits == length)
        if bool(done.any()):
            cut = done & best[places].isinf()
            found[places[cut], :length] = said[cut, 0, 1:]
            left = ~done
            places, ends, limits, scores, said = (part[left] for part in (places, ends, limits, scores, said))
            rows = left.repeat_interleave(beam).nonzero()[:, 0]
            memory, kept = rows_of(memory, rows), kept[rows]
        cache = rows_of(cache, kept)
    return [tokens[: tokens.index(eos_id)] if eos_id in tokens else tokens for tokens in found.tolist()]


def rows_of(state: State, index: Tensor) -> State:
    """The samples `index` of a state, one of which may be wanted several times."""
    if isinstance(state, Tensor):
        return state.index_select(0, index)
    parts = [rows_of(part, index) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
