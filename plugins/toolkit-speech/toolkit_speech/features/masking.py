"""Where a batch of padded sequences holds something. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor


def inside(lengths: Tensor, longest: int) -> Tensor:
    """Which of `longest` places each sequence has: bool `(batch, longest)`."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def silenced(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Waveforms `(batch, samples)` in float32 with zeros behind their ends, whatever was there."""
    return torch.where(inside(lengths, waveforms.shape[1]), waveforms.float(), 0.0)
