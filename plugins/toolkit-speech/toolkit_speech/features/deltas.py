"""How features change over time. Imports torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

REACH = 4
"""Frames on each side that a change is estimated from."""


def change_weights(order: int) -> Tensor:
    """Weights of nine frames that give the `order`-th derivative of the polynomial of that degree that fits them best
    (Savitzky and Golay, 1964), float64 `(9,)`.
    """
    places = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    powers = torch.stack([places**power for power in range(order + 1)], dim=1)
    fitted: Tensor = torch.linalg.pinv(powers)
    return fitted[order] * math.factorial(order)


def changes(features: Tensor, frames: Tensor, order: int) -> Tensor:
    """The first or second change of features `(batch, time, channels)`, as librosa's `delta` with `mode="nearest"`.

    Before the first frame stands the first, behind the last of each utterance its last.

    Arguments:
        features: of a batch.
        frames: of each utterance, `(batch,)`.
        order: 1 or 2.
    """
    time = features.shape[1]
    last = (frames - 1).clamp_min(0)[:, None]
    changed = torch.zeros_like(features)
    for offset, weight in zip(range(-REACH, REACH + 1), change_weights(order).tolist(), strict=True):
        places = (torch.arange(time, device=features.device) + offset).clamp_min(0)
        index = torch.minimum(places[None], last)
        changed = changed + weight * features.gather(1, index[:, :, None].expand_as(features))
    return changed
