"""The end of every keyword spotter. Imports torch."""

from __future__ import annotations

from torch import Tensor


def mean_of(maps: Tensor, there: Tensor) -> Tensor:
    """The mean over frequencies and over the frames that there are.

    Arguments:
        maps: `(batch, channels, frequencies, time)`, 0 where there is nothing.
        there: bool `(batch, time)`.

    Returns:
        `(batch, channels)`; zeros for an utterance without a frame.
    """
    means: Tensor = maps.mean(2).sum(2) / there.sum(1, keepdim=True).clamp_min(1)
    return means
