"""Flips. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from toolkit_vision.transforms.arguments import share
from toolkit_vision.transforms.batches import images_of, moved


class RandomFlip:
    """Mirrors some of the images; uint8 images stay uint8. Boxes and masks follow.

    Arguments:
        p: probability for an image to be mirrored.
        direction: `horizontal` exchanges left and right, `vertical` up and down.

    Raises:
        ValueError: `p` is no probability.
    """

    def __init__(self, p: float = 0.5, direction: Literal["horizontal", "vertical"] = "horizontal") -> None:
        self.p = share("p", p)
        self.direction = direction

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes and dtypes."""
        images = images_of(batch)
        chosen = torch.rand(len(images), device=images.device) < self.p
        horizontal = self.direction == "horizontal"
        return moved(batch, Flip(chosen, horizontal, images.shape[-1 if horizontal else -2]))


@dataclass(frozen=True)
class Flip:
    """Some of the images mirrored."""

    chosen: Tensor
    """Which ones, `(batch,)` bool."""
    horizontal: bool
    length: int
    """Pixels of an image in the direction that is mirrored."""

    def images(self, images: Tensor) -> Tensor:
        chosen = self.chosen.view(-1, *[1] * (images.dim() - 1))
        return torch.where(chosen, images.flip(-1 if self.horizontal else -2), images)

    def masks(self, masks: Tensor) -> Tensor:
        return self.images(masks)

    def boxes(self, boxes: Tensor) -> Tensor:
        x1, y1, x2, y2 = boxes.unbind(-1)
        if self.horizontal:
            mirrored = torch.stack((self.length - x2, y1, self.length - x1, y2), dim=-1)
        else:
            mirrored = torch.stack((x1, self.length - y2, x2, self.length - y1), dim=-1)
        return torch.where(self.chosen.view(-1, 1, 1), mirrored, boxes)
