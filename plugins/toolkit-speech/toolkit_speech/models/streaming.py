"""Features of a waveform that comes in chunks: the same as of the whole. Imports torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class StreamState(NamedTuple):
    """What is remembered of a waveform between two chunks."""

    samples: Tensor
    """The last ones, `(batch, n)`, as many as later frames look at."""
    start: int
    """The number of the first of them in the whole waveform; a multiple of the front end's `hop`."""
    frames: int
    """How many frames have been given."""


class FeatureStream:
    """Asks a front end for the frames that no later sample changes.

    Frame t of a front end looks at the samples from `t * hop - reach` to `t * hop + reach`. So the frames inside a
    stretch of samples are those of the whole waveform, where the stretch begins at a multiple of `hop`.

    Arguments:
        front_end: with the attributes `hop` and `reach`, in samples, and True or False in `streams`.

    Raises:
        ValueError: a frame depends on the whole utterance, or the front end does not say on what.
    """

    def __init__(self, front_end: nn.Module) -> None:
        front: Any = front_end
        if not getattr(front, "streams", False):
            raise ValueError(
                f"front_end: {type(front_end).__name__} looks at the whole utterance, and takes no chunks; "
                "normalise with `normalisation: running` or `none`"
            )
        self.front_end = front_end
        self.hop: int = front.hop
        self.reach: int = front.reach

    def step(self, chunk: Tensor, state: StreamState | None, *, last: bool) -> tuple[Tensor, StreamState]:
        """The features `(batch, frames, channels)` that are complete with this chunk, and the next state.

        Arguments:
            chunk: the next samples, `(batch, samples)`.
            state: what the step before returned.
            last: whether nothing follows.
        """
        if state is None:
            samples, start, given = chunk, 0, 0
        else:
            samples, start, given = torch.cat((state.samples, chunk), dim=1), state.start, state.frames
        end = start + samples.shape[1]
        complete = max(given, (end - self.reach) // self.hop + 1)
        if not last and complete == given:
            return self._none(samples), StreamState(samples, start, given)
        lengths = torch.full((len(samples),), samples.shape[1], device=samples.device)
        values, counts = self.front_end(samples, lengths)
        first = start // self.hop
        known = first + int(counts[0]) if last else complete
        values = values[:, given - first : known - first]
        start = max(start, (known * self.hop - self.reach) // self.hop * self.hop)
        return values, StreamState(samples[:, start - (end - samples.shape[1]) :], start, known)

    def _none(self, samples: Tensor) -> Tensor:
        front: Any = self.front_end
        return samples.new_zeros((len(samples), 0, front.channels))
