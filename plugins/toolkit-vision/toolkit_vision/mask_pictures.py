"""Masks for people and for files: drawn over an image, and written down as runs. Imports torch, no toolkit."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

OPACITY = 0.55
GOLDEN = 0.618034
"""Of the circle of hues: neighbours in number are far apart in colour, however many there are."""
BACKGROUND = "background"
NO_CLASS = 255
SIDE = 128
"""Pixels of the longer side of an image among several in one picture."""


def compared(image: Tensor, truth: Tensor, predicted: Tensor, class_names: Sequence[str] = ()) -> Tensor:
    """An image, its true mask and the predicted one, side by side.

    Arguments:
        image: `(channels, height, width)`, as `with_mask` takes it.
        truth: class numbers `(height, width)`.
        predicted: the same.
        class_names: the classes' names.

    Returns:
        uint8 `(3, rows, columns)`; each of the three has a longer side of 128 pixels.
    """
    nobody = torch.full_like(truth, NO_CLASS)
    parts = [with_mask(image, mask, class_names).float() for mask in (nobody, truth, predicted)]
    scale = SIDE / max(image.shape[1:])
    size = [max(1, round(side * scale)) for side in image.shape[1:]]
    return torch.cat([F.interpolate(part[None], size, mode="nearest")[0] for part in parts], dim=2).to(torch.uint8)


def with_mask(image: Tensor, mask: Tensor, class_names: Sequence[str] = ()) -> Tensor:
    """An image with each pixel in the colour of its class.

    Arguments:
        image: `(channels, height, width)`, uint8 or floats, one or three channels; floats that go beyond 0 and 1, as a
            normalising transform leaves them, are stretched to that range.
        mask: class numbers `(rows, columns)`, brought to the image's size; 255 is not painted.
        class_names: the classes' names; one called "background" is not painted.

    Returns:
        uint8 `(3, height, width)`, on the CPU.
    """
    floats = image.cpu().float() / 255 if image.dtype is torch.uint8 else image.cpu().float()
    low, high = floats.min().clamp_max(0), floats.max().clamp_min(1)
    painted = ((floats - low) / (high - low)).expand(3, *image.shape[1:]).clone()
    resized = F.interpolate(mask.cpu()[None, None].float(), size=image.shape[1:], mode="nearest")[0, 0].long()
    for number in torch.unique(resized).tolist():
        if number != NO_CLASS and (number >= len(class_names) or class_names[number] != BACKGROUND):
            where = resized == number
            painted[:, where] = (1 - OPACITY) * painted[:, where] + OPACITY * colour(number)[:, None]
    return (painted * 255).round().to(torch.uint8)


def colour(number: int) -> Tensor:
    """Red, green and blue of a class, shape `(3,)`, from 0 to 1."""
    return torch.tensor(colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.85, 1.0))


def runs(mask: Tensor) -> dict[str, Any]:
    """A mask `(height, width)` as plain values: its size, and row by row what comes how often."""
    classes, lengths = torch.unique_consecutive(mask.flatten(), return_counts=True)
    return {"size": list(mask.shape), "runs": torch.stack((classes, lengths), dim=1).flatten().tolist()}


def unrolled(written: Mapping[str, Any]) -> Tensor:
    """The mask `(height, width)`, int64, that `runs` wrote down."""
    pairs = torch.tensor(written["runs"], dtype=torch.int64).reshape(-1, 2)
    return pairs[:, 0].repeat_interleave(pairs[:, 1]).reshape(written["size"])
