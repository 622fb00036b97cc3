"""Search for the most probable text that an attention decoder writes. Imports torch."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

State = Any
"""Tensors, or tuples of them, also of tuples; the first dimension of every tensor is the batch."""
EDGE = 0
"""The token before the first and behind the last of a text; CTC's blank, which is no character either."""


class Decoder(Protocol):
    """A model that can be asked for one token after another. A shape, not a base class."""

    def encode(self, heard: Any) -> State:
        """What `step` has to know of waveforms and their lengths; `there` of it is bool `(batch, frames)`."""
        ...

    def step(self, tokens: Tensor, memory: State, cache: State | None) -> tuple[Tensor, State]:
        """The logits `(batch, vocab_size)` of what follows, and the cache for the next step.

        Arguments:
            tokens: the last token of each text, `(batch,)`; 0 at first.
            memory: what `encode` returned.
            cache: what the step before returned; None at first.
        """
        ...


@torch.no_grad()
def beam_search(
    model: Decoder, heard: Any, *, beam: int = 1, length_penalty: float = 1.0, max_length: int = 200
) -> list[list[int]]:
    """The best text found for each utterance, as tokens without those of its edges.

    After every step the `beam` most probable beginnings of each are kept; with 1 it is greedy. Texts that have ended
    are compared by the logarithm of their probability over their length (the end is counted) to the power of
    `length_penalty`. A search is over when it has as many ends as `beam`, or no beginning can become better than the
    best of them. No text has more tokens than the encoder has frames; one that has not ended by then is cut off.

    Arguments:
        model: in evaluation mode.
        heard: waveforms and their lengths.
        beam: how many beginnings are kept for each.
        length_penalty: 0 compares probabilities, which the shortest win; 1 the mean of each token.
        max_length: tokens of a text at most, its end counted.

    Raises:
        ValueError: `beam` or `max_length` is no number from 1 up, or `length_penalty` is negative.
    """
    if beam < 1 or max_length < 1 or length_penalty < 0:
        raise ValueError(f"beam={beam}, max_length={max_length}: from 1 up; length_penalty={length_penalty}: from 0 up")
    memory = model.encode(heard)
    limits = memory.there.sum(1).clamp(max=max_length)
    count, device = len(limits), limits.device
    rows = torch.arange(count, device=device)
    memory = rows_of(memory, rows.repeat_interleave(beam))
    cache: State | None = None
    scores = torch.full((count, beam), -torch.inf, device=device)
    scores[:, 0] = 0  # all beginnings are the same one at first
    said = torch.full((count, beam, 1), EDGE, device=device)
    best = torch.full((count,), -torch.inf, device=device)
    ends = torch.zeros(count, dtype=torch.int64, device=device)
    over = torch.zeros(count, dtype=torch.bool, device=device)
    found = [list[int]() for _ in range(count)]
    for length in range(1, int(limits.max()) + 1):
        logits, cache = model.step(said[:, :, -1].flatten(), memory, cache)
        vocab_size = logits.shape[1]
        reached = scores[:, :, None] + logits.float().log_softmax(1).reshape(count, beam, vocab_size)
        # An end counts where it is among the best that follow: greedy search ends where that is the most probable.
        least = reached.flatten(1).topk(beam).values[:, -1:]
        at_end = reached[:, :, EDGE].masked_fill((reached[:, :, EDGE] < least) | over[:, None], -torch.inf)
        score, which = (at_end / length**length_penalty).max(1)
        for row in (score > best).nonzero()[:, 0].tolist():
            found[row] = said[row, which[row], 1:].tolist()
        best = torch.maximum(best, score)
        ends += at_end.isfinite().sum(1)

        reached[:, :, EDGE] = -torch.inf
        scores, index = reached.flatten(1).topk(beam)
        parents, tokens = index // vocab_size, index % vocab_size
        said = torch.cat((said.gather(1, parents[:, :, None].expand(-1, -1, length)), tokens[:, :, None]), dim=2)
        for row in ((limits == length) & best.isinf()).nonzero()[:, 0].tolist():
            found[row] = said[row, 0, 1:].tolist()
        # Nothing that is said later makes a beginning more probable, and the longest gains most from its length.
        hopeless = scores[:, 0] / limits**length_penalty <= best
        over |= (ends >= beam) | hopeless | (limits <= length)
        if bool(over.all()):
            break
        cache = rows_of(cache, (rows[:, None] * beam + parents).flatten())
    return found


def rows_of(state: State, index: Tensor) -> State:
    """The samples `index` of a state, one of which may be wanted several times."""
    if isinstance(state, Tensor):
        return state.index_select(0, index)
    parts = [rows_of(part, index) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
