"""Crops of random area and shape, resized. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from toolkit_vision.transforms.arguments import height_and_width, interval, share
from toolkit_vision.transforms.batches import as_floats, images_of, moved
from toolkit_vision.transforms.pixels import gathered
from toolkit_vision.transforms.rectangles import random_rectangles, random_starts

SMALL = 64 * 64
"""Up to so many pixels two matrix products for a whole batch are the faster way on a CPU too; beyond that torch's
filter for one image after the other is, at 224x224 pixels four times (torch 2.14)."""


class RandomResizedCrop:
    """Cuts a piece of random area, shape and place out of every image and resizes it: the augmentation of ImageNet.

    From "Going Deeper with Convolutions" (Szegedy et al., 2015). Bilinear, with antialiasing, which is what
    torchvision's does to one image. uint8 images become floats from 0 to 1. Boxes and masks follow.

    Arguments:
        size: of the result in pixels, a number or [height, width]; that of the images where left out.
        scale: least and largest area of a piece, as a share of the image's.
        ratio: least and largest width of a piece divided by its height.
        min_visibility: a box of whose area less than this share is left is dropped.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        min_visibility: float = 0.25,
    ) -> None:
        self.size = height_and_width("size", size)
        self.scale = interval("scale", scale, most=1)
        self.ratio = interval("ratio", ratio)
        self.min_visibility = share("min_visibility", min_visibility)

    def __call__(self, batch: Any) -> Any:
        """The batch with images `(batch, channels, *size)`."""
        images = images_of(batch)
        height, width = images.shape[-2:]
        heights, widths, found = random_rectangles(len(images), (height, width), self.scale, self.ratio, images.device)
        # Where none fits, the largest piece of a shape that is allowed, from the middle.
        shape = min(max(width / height, self.ratio[0]), self.ratio[1])
        largest = round(min(height, width / shape)), round(min(width, height * shape))
        heights, widths = (torch.where(found, *each) for each in ((heights, largest[0]), (widths, largest[1])))
        top = torch.where(found, random_starts(heights, height), (height - largest[0]) // 2)
        left = torch.where(found, random_starts(widths, width), (width - largest[1]) // 2)
        return moved(batch, ResizedCrop(top, left, heights, widths, self.size or (height, width)), self.min_visibility)


@dataclass(frozen=True)
class ResizedCrop:
    """A piece of every image, resized. The first four are `(batch,)` whole floats, in pixels, within the image."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    size: tuple[int, int]
    """Height and width of the result."""

    def images(self, images: Tensor) -> Tensor:
        if images.device.type == "cpu" and max(images.shape[-2] * images.shape[-1], math.prod(self.size)) > SMALL:
            return self._one_by_one(images)
        floats = as_floats(images)
        rows = _weights(self.top, self.height, images.shape[-2], self.size[0]).to(floats.dtype)
        columns = _weights(self.left, self.width, images.shape[-1], self.size[1]).to(floats.dtype)
        return rows.unsqueeze(1) @ floats @ columns.transpose(1, 2).unsqueeze(1)

    def _one_by_one(self, images: Tensor) -> Tensor:
        dtype = torch.float32 if images.dtype is torch.uint8 else images.dtype
        found = torch.empty((*images.shape[:2], *self.size), dtype=dtype)
        places = torch.stack((self.top, self.left, self.height, self.width), dim=1).int().tolist()
        for number, (top, left, height, width) in enumerate(places):
            piece = as_floats(images[number, None, :, top : top + height, left : left + width]).float()
            found[number] = interpolate(piece, self.size, mode="bilinear", antialias=True)[0]
        return found

    def masks(self, masks: Tensor) -> Tensor:
        rows, columns = _nearest(self.top, self.height, self.size[0]), _nearest(self.left, self.width, self.size[1])
        return gathered(masks, rows, columns)

    def boxes(self, boxes: Tensor) -> Tensor:
        start = torch.stack((self.left, self.top), dim=1).repeat(1, 2).unsqueeze(1)
        factor = torch.stack((self.size[1] / self.width, self.size[0] / self.height), dim=1).repeat(1, 2).unsqueeze(1)
        return (boxes - start) * factor


def _weights(start: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """How much each pixel of a row counts in each pixel of the result, `(batch, size, pixels)`.

    The triangle of a bilinear filter, as wide as the result's pixels where those are larger.
    """
    scale = (length / size).view(-1, 1, 1)
    centers = (torch.arange(size, device=start.device) + 0.5).view(1, -1, 1) * scale
    places = torch.arange(pixels, device=start.device).view(1, 1, -1) - start.view(-1, 1, 1)
    weights = (1 - (places + 0.5 - centers).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((places >= 0) & (places < length.view(-1, 1, 1)))
    return weights / weights.sum(2, keepdim=True)


def _nearest(start: Tensor, length: Tensor, size: int) -> Tensor:
    """The pixel of a row that lies below the middle of each pixel of the result, `(batch, size)` int64."""
    middle = (torch.arange(size, device=start.device) + 0.5) * (length / size).unsqueeze(1)
    return (start.unsqueeze(1) + torch.minimum(middle.floor(), length.unsqueeze(1) - 1)).long()
