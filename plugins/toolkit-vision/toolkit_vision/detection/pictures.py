"""Boxes drawn on images, and several such images as one picture.

Imports torch and torchvision, nothing of the toolkit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.utils import draw_bounding_boxes

SIDE = 320
"""Pixels of the longer side of an image in a picture: small ones are enlarged, so that lines and numbers have room."""
TRUE, FOUND = (120, 230, 120), (255, 150, 30)
COLUMNS = 4
GAP = 6


def with_boxes(
    image: Tensor,
    found: Mapping[str, Tensor],
    true: Mapping[str, Tensor] | None,
    class_names: Sequence[str],
    drawn_from: float,
) -> Tensor:
    """An image with the boxes found, orange with class and score, over the true ones, green and thin.

    Arguments:
        image: `(channels, height, width)`, uint8 or floats, one or three channels; floats that go beyond 0 and 1, as a
            normalising transform leaves them, are stretched to that range.
        found: `boxes` `(found, 4)` in pixels, `labels` and `scores` `(found,)`.
        true: `boxes` `(true, 4)`; None where nobody knows them.
        class_names: the classes' names; their numbers where there are none.
        drawn_from: the smallest score that is drawn.

    Returns:
        uint8 `(3, height, width)` on the CPU, whose longer side is 320.
    """
    floats = image.cpu().float() / 255 if image.dtype is torch.uint8 else image.cpu().float()
    low, high = floats.min().clamp_max(0), floats.max().clamp_min(1)
    floats = (floats - low) / (high - low)
    scale = SIDE / max(floats.shape[1:])
    size = [max(1, round(side * scale)) for side in floats.shape[1:]]
    if scale > 1:
        resized = F.interpolate(floats[None], size, mode="nearest")[0]
    else:
        resized = F.interpolate(floats[None], size, mode="bilinear", antialias=True)[0]
    picture = (resized.clamp(0, 1) * 255).round().to(torch.uint8).expand(3, *size).contiguous()
    if true is not None and len(true["boxes"]):
        picture = draw_bounding_boxes(picture, _inside(true["boxes"], scale, size), colors=TRUE, width=1)
    order = found["scores"].cpu().argsort()  # the most certain is drawn last, over others
    order = order[found["scores"].cpu()[order] >= drawn_from]
    if len(order):
        labels, scores = found["labels"].cpu()[order].tolist(), found["scores"].cpu()[order].tolist()
        texts = [
            f"{class_names[label] if label < len(class_names) else label}: {score:.2f}"
            for label, score in zip(labels, scores, strict=True)
        ]
        picture = draw_bounding_boxes(
            picture,
            _inside(found["boxes"].cpu()[order], scale, size),
            labels=texts,
            colors=FOUND,
            width=2,
            label_colors="black",
            fill_labels=True,
        )
    return picture


def gallery(pictures: Sequence[Tensor]) -> Tensor:
    """Pictures `(3, height, width)` side by side on white, four in a row: uint8 `(3, height, width)`."""
    columns = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    height, width = (max(picture.shape[side] for picture in pictures) + GAP for side in (1, 2))
    sheet = torch.full((3, rows * height + GAP, columns * width + GAP), 255, dtype=torch.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * height + GAP, number % columns * width + GAP
        sheet[:, top : top + picture.shape[1], left : left + picture.shape[2]] = picture
    return sheet


def _inside(boxes: Tensor, scale: float, size: Sequence[int]) -> Tensor:
    """Boxes in the pixels of the picture, `(boxes, 4)`; drawing refuses those of no extent."""
    height, width = size
    limits = torch.tensor([width - 1, height - 1, width - 1, height - 1])
    inside = torch.minimum((boxes.cpu().float() * scale).clamp_min(0), limits)
    return torch.cat((inside[:, :2], torch.maximum(inside[:, 2:], inside[:, :2])), dim=1)
