"""Policies that choose operations at random: RandAugment and TrivialAugment. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit_vision.transforms.arguments import share
from toolkit_vision.transforms.batches import images_of, moved
from toolkit_vision.transforms.operations import KINDS, Operations, Reach

STEPS = 30
"""Strengths are whole numbers from 0 to this."""


class RandAugment:
    """A few random operations on every image, one after the other, all of one strength.

    From "RandAugment: Practical automated data augmentation with a reduced search space" (Cubuk et al., 2020). The
    fourteen operations and what they do at a strength are torchvision's; pixels that move are interpolated
    (bilinear), and what comes from outside of the image is black. uint8 images become floats from 0 to 1; images have
    one channel or three. Masks follow. Boxes follow too: a rotated box becomes the smallest upright one around it.

    Arguments:
        num_ops: operations on every image; each image draws its own.
        magnitude: their strength, 0 to 30.
        min_visibility: a box of whose area less than this share is left after an operation is dropped.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(self, num_ops: int = 2, magnitude: int = 9, min_visibility: float = 0.25) -> None:
        if num_ops < 1:
            raise ValueError(f"num_ops={num_ops}: expected a number from 1 up")
        if not 0 <= magnitude <= STEPS:
            raise ValueError(f"magnitude={magnitude}: expected a number from 0 to {STEPS}")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.min_visibility = share("min_visibility", min_visibility)

    def __call__(self, batch: Any) -> Any:
        """The batch with images as floats from 0 to 1, in the same shape."""
        images = images_of(batch)
        reach = self.reach_of(*images.shape[-2:])
        strength = torch.full((len(images),), self.magnitude / STEPS, device=images.device)
        for _ in range(self.num_ops):
            batch = moved(batch, _drawn(images, strength, reach), self.min_visibility)
        return batch

    @staticmethod
    def reach_of(height: int, width: int) -> Reach:
        """What the operations do at strength 30 to images of this size; translations are 150 pixels of 331."""
        return Reach(shear=0.3, translate=(150 / 331 * width, 150 / 331 * height), rotate=30, blend=0.9, posterize=4)


class TrivialAugment:
    """One random operation of random strength on every image; there is nothing to tune.

    From "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation" (Müller and Hutter, 2021), with the
    paper's wide ranges: translations reach 32 pixels however small the images are. Operations, dtypes, masks and boxes
    as in `RandAugment`.

    Arguments:
        min_visibility: a box of whose area less than this share is left is dropped.

    Raises:
        ValueError: `min_visibility` is no share.
    """

    reach = Reach(shear=0.99, translate=(32, 32), rotate=135, blend=0.99, posterize=6)

    def __init__(self, min_visibility: float = 0.25) -> None:
        self.min_visibility = share("min_visibility", min_visibility)

    def __call__(self, batch: Any) -> Any:
        """The batch with images as floats from 0 to 1, in the same shape."""
        images = images_of(batch)
        strength = torch.randint(0, STEPS + 1, (len(images),), device=images.device) / STEPS
        return moved(batch, _drawn(images, strength, self.reach), self.min_visibility)


def _drawn(images: Tensor, strength: Tensor, reach: Reach) -> Operations:
    kinds = torch.randint(len(KINDS), (len(images),))  # on the CPU: see operations.py
    sign = torch.randint(0, 2, (len(images),), device=images.device) * 2.0 - 1
    return Operations(kinds, strength, sign, reach, images.shape[-2:])
