"""Waveforms between their samples. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor


def stretched(waveforms: Tensor, factors: Tensor, length: int) -> Tensor:
    """Waveforms played faster, each by a factor of its own; pitch and formants move with the speed.

    Between samples lies the cubic through their four neighbours (Catmull-Rom). Above a factor of 1 frequencies beyond
    the new Nyquist frequency are not taken out before: at the few percent of an augmentation there is hardly anything.

    Arguments:
        waveforms: `(batch, samples)`.
        factors: `(batch,)`; 1.1 is faster.
        length: samples of the result.

    Returns:
        `(batch, length)`, 0 beyond the end of a waveform.
    """
    places = torch.arange(length, device=waveforms.device) * factors[:, None]
    before = places.floor()
    share = (places - before).to(waveforms.dtype)
    first = before.long() - 1
    last = waveforms.shape[1] - 1

    def neighbour(offset: int) -> Tensor:
        index = first + offset
        return waveforms.gather(1, index.clamp(0, last)) * ((index >= 0) & (index <= last))

    a, b, c, d = (neighbour(offset) for offset in range(4))
    return b + 0.5 * share * (c - a + share * (2 * a - 5 * b + 4 * c - d + share * (3 * (b - c) + d - a)))
