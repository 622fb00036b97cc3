"""Many small images as one picture. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 48
"""Pixels of the longer side of an image in the picture."""
GAP = 4


def sheet(images: Tensor, columns: int) -> Tensor:
    """Images in rows on white.

    Arguments:
        images: `(samples, channels, height, width)` from 0 to 1, with one or three channels.
        columns: how many stand in a row.

    Returns:
        uint8 `(3, height, width)` on the CPU.
    """
    scale = max(1, SIDE // max(images.shape[2:]))
    pixels = (images.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8)
    pixels = F.interpolate(pixels, scale_factor=scale, mode="nearest").expand(-1, 3, -1, -1)
    height, width = (side + GAP for side in pixels.shape[2:])
    rows = -(-len(pixels) // columns)
    picture = torch.full((3, rows * height + GAP, columns * width + GAP), 255, dtype=torch.uint8)
    for place, image in enumerate(pixels):
        top, left = (place // columns) * height + GAP, (place % columns) * width + GAP
        picture[:, top : top + height - GAP, left : left + width - GAP] = image
    return picture
