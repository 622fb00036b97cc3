"""The mel scale, and filters on it. Imports torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LINEAR_HZ = 200 / 3
"""Of a mel below the break."""
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27
"""Above the break a mel is this step of the logarithm."""


def to_mel(hertz: Tensor) -> Tensor:
    """Frequencies on Slaney's scale (Auditory Toolbox, 1998): linear up to 1 kHz, logarithmic above."""
    above = _BREAK_HZ / _LINEAR_HZ + torch.log(hertz.clamp_min(1.0) / _BREAK_HZ) / _LOG_STEP
    return torch.where(hertz < _BREAK_HZ, hertz / _LINEAR_HZ, above)


def to_hertz(mels: Tensor) -> Tensor:
    """The inverse of `to_mel`."""
    edge = _BREAK_HZ / _LINEAR_HZ
    return torch.where(mels < edge, mels * _LINEAR_HZ, _BREAK_HZ * torch.exp((mels - edge) * _LOG_STEP))


def mel_edges(mels: int, lowest: float, highest: float) -> Tensor:
    """The edges and centres in hertz of `mels` bands of equal width on the scale, float64 `(mels + 2,)`."""
    ends = to_mel(torch.tensor([lowest, highest], dtype=torch.float64)).tolist()
    return to_hertz(torch.linspace(ends[0], ends[1], mels + 2, dtype=torch.float64))


def mel_filters(mels: int, sample_rate: int, fft_size: int, lowest: float, highest: float) -> Tensor:
    """Triangles from each band's neighbour on one side to that on the other, all of the same area, as librosa has them.

    Returns:
        float32 `(fft_size // 2 + 1, mels)`: what a power spectrum is multiplied by.

    Raises:
        ValueError: a band is narrower than the distance of two frequencies of the spectrum, and would hear nothing.
    """
    edges = mel_edges(mels, lowest, highest)
    frequencies = torch.linspace(0, sample_rate / 2, fft_size // 2 + 1, dtype=torch.float64)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    filters = torch.minimum(rising, falling).clamp_min(0) * 2 / (right - left)
    deaf = int((filters.sum(0) == 0).sum())
    if deaf:
        raise ValueError(
            f"mels={mels}: {deaf} of the bands from {lowest:g} to {highest:g} Hz lie between two frequencies of a "
            f"spectrum of {fft_size} samples at {sample_rate} Hz; use fewer mels or a longer window"
        )
    return filters.float()
