"""Crops at random places. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from toolkit_vision.transforms.arguments import height_and_width, share
from toolkit_vision.transforms.batches import IGNORED, images_of, moved
from toolkit_vision.transforms.pixels import gathered


class RandomCrop:
    """Pads every image and cuts a piece out at a random place of its own: the usual augmentation of small images.

    uint8 images stay uint8. Boxes and masks follow; a mask's padding is 255, however images are padded.

    Arguments:
        padding: pixels added on every side.
        size: the piece, in pixels, a number or [height, width]; as large as the images where left out.
        mode: what the padding holds: 0 (`constant`), or the image mirrored at its border (`reflect`).
        min_visibility: a box of whose area less than this share is left is dropped.

    Raises:
        ValueError: an argument cannot be, or, at a batch, the piece does not fit into the padded images.
    """

    def __init__(
        self,
        padding: int = 4,
        size: int | Sequence[int] | None = None,
        mode: Literal["constant", "reflect"] = "constant",
        min_visibility: float = 0.25,
    ) -> None:
        if padding < 0:
            raise ValueError(f"padding={padding}: expected a number of pixels from 0 up")
        self.padding = padding
        self.size = height_and_width("size", size)
        self.mode = mode
        self.min_visibility = share("min_visibility", min_visibility)

    def __call__(self, batch: Any) -> Any:
        """The batch with images `(batch, channels, *size)`."""
        images = images_of(batch)
        number, _, height, width = images.shape
        new_height, new_width = self.size or (height, width)
        spare = height + 2 * self.padding - new_height, width + 2 * self.padding - new_width
        if min(spare) < 0:
            raise ValueError(
                f"pieces of {new_height}x{new_width} pixels do not fit into images of {height}x{width} with "
                f"padding={self.padding}"
            )
        if self.mode == "reflect" and self.padding >= min(height, width):
            raise ValueError(f"padding={self.padding}: images of {height}x{width} cannot be mirrored that far")
        top, left = (
            torch.randint(-self.padding, most + 1 - self.padding, (number,), device=images.device) for most in spare
        )
        crop = Crop(top, left, new_height, new_width, mirrored=self.mode == "reflect")
        return moved(batch, crop, self.min_visibility)


@dataclass(frozen=True)
class Crop:
    """A piece cut out of every image, which may reach out of it."""

    top: Tensor
    """The first row of each piece, `(batch,)` int64; negative above the image."""
    left: Tensor
    height: int
    width: int
    mirrored: bool = False
    """Whether pixels outside of an image are those on the other side of its border, or else 0."""

    def images(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        rows, columns = _range(self.top, self.height), _range(self.left, self.width)
        if self.mirrored:
            return gathered(images, _mirrored(rows, height), _mirrored(columns, width))
        return self._filled(images, 0)

    def masks(self, masks: Tensor) -> Tensor:
        return self._filled(masks, IGNORED)

    def boxes(self, boxes: Tensor) -> Tensor:
        return boxes - torch.stack((self.left, self.top), dim=1).repeat(1, 2).unsqueeze(1)

    def _filled(self, images: Tensor, value: int) -> Tensor:
        height, width = images.shape[-2:]
        rows, columns = _range(self.top, self.height), _range(self.left, self.width)
        found = gathered(images, rows.clamp(0, height - 1), columns.clamp(0, width - 1))
        outside = _outside(rows, height).unsqueeze(2) | _outside(columns, width).unsqueeze(1)
        return found.masked_fill(outside.unsqueeze(1) if images.dim() == 4 else outside, value)


def _range(start: Tensor, length: int) -> Tensor:
    return start.unsqueeze(1) + torch.arange(length, device=start.device)


def _mirrored(places: Tensor, length: int) -> Tensor:
    return (length - 1) - ((length - 1) - places.abs()).abs()


def _outside(places: Tensor, length: int) -> Tensor:
    return (places < 0) | (places >= length)
