"""What lies nearest to an image, as a picture. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 88
"""Pixels of the longer side of an image in the picture."""
FRAME = 4
GAP = 6
ROWS, NEIGHBOURS = 8, 6
SAME, OTHER, ASKED = (60, 170, 80), (220, 70, 60), (255, 255, 255)


def neighbours(images: Tensor, embeddings: Tensor, identities: Tensor) -> Tensor:
    """Some images, and beside each those that are most alike to it: framed green for the same identity, red else.

    Arguments:
        images: `(samples, channels, height, width)`, uint8 or floats, one or three channels; floats that go beyond 0
            and 1, as a normalising transform leaves them, are stretched to that range.
        embeddings: of length 1, `(samples, features)`.
        identities: `(samples,)`.

    Returns:
        uint8 `(3, rows, columns)`.
    """
    pictures = _shown(images)
    asked = torch.linspace(0, len(images) - 1, min(ROWS, len(images))).round().long()
    similarity = embeddings[asked] @ embeddings.T
    similarity[torch.arange(len(asked)), asked] = -torch.inf
    nearest = similarity.topk(min(NEIGHBOURS, len(images) - 1), dim=1).indices
    rows = []
    for query, found in zip(asked.tolist(), nearest.tolist(), strict=True):
        cells = [_framed(pictures[query], ASKED), torch.full((3, pictures.shape[2] + 2 * FRAME, 2 * GAP), 255)]
        for sample in found:
            same = bool(identities[sample] == identities[query])
            cells += [_framed(pictures[sample], SAME if same else OTHER)]
        rows.append(torch.cat([F.pad(cell, (0, GAP, 0, GAP), value=255) for cell in cells], dim=2))
    return F.pad(torch.cat(rows, dim=1), (GAP, 0, GAP, 0), value=255).to(torch.uint8)


def _shown(images: Tensor) -> Tensor:
    """The images as whole numbers from 0 to 255, `(samples, 3, height, width)`, all of one size."""
    floats = images.float() / 255 if images.dtype is torch.uint8 else images.float()
    low, high = floats.amin((1, 2, 3), keepdim=True).clamp_max(0), floats.amax((1, 2, 3), keepdim=True).clamp_min(1)
    floats = ((floats - low) / (high - low)).expand(-1, 3, -1, -1)
    scale = SIDE / max(images.shape[2:])
    size = [max(1, round(side * scale)) for side in images.shape[2:]]
    if scale > 1:
        resized = F.interpolate(floats, size, mode="nearest")
    else:
        resized = F.interpolate(floats, size, mode="bilinear", antialias=True)
    return (resized.clamp(0, 1) * 255).round().long()


def _framed(picture: Tensor, colour: tuple[int, int, int]) -> Tensor:
    height, width = picture.shape[1:]
    framed = torch.tensor(colour).view(3, 1, 1).repeat(1, height + 2 * FRAME, width + 2 * FRAME)
    framed[:, FRAME : FRAME + height, FRAME : FRAME + width] = picture
    return framed
