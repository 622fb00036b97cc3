"""Random brightness, contrast, saturation and hue. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from typing import Any

import torch

from toolkit_vision.transforms import colour
from toolkit_vision.transforms.batches import as_floats, images_of, with_images


class ColorJitter:
    """Changes the colours of every image by random factors of its own, as torchvision's ColorJitter does to one.

    The order of the four changes is random too, and the same for all images of a batch. uint8 images become floats from
    0 to 1. Images have one channel or three; hue and saturation of one channel stay as they are.

    Arguments:
        brightness: the factor is uniform from 1 - brightness (not below 0) to 1 + brightness.
        contrast: the same.
        saturation: the same.
        hue: colours are turned around the wheel by up to this share of it, 0 to 0.5, in both directions.

    Raises:
        ValueError: an argument cannot be, or all are 0.
    """

    def __init__(
        self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0, hue: float = 0.0
    ) -> None:
        for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            if value < 0:
                raise ValueError(f"{name}={value}: expected a number from 0 up")
        if not 0 <= hue <= 0.5:
            raise ValueError(f"hue={hue}: expected a number from 0 to 0.5")
        ranges = (
            (colour.brightness, max(0.0, 1 - brightness), 1 + brightness),
            (colour.contrast, max(0.0, 1 - contrast), 1 + contrast),
            (colour.saturation, max(0.0, 1 - saturation), 1 + saturation),
            (colour.hue, -hue, hue),
        )
        self.changes = [each for each in ranges if each[1] < each[2]]
        if not self.changes:
            raise ValueError("give at least one of brightness, contrast, saturation and hue")

    def __call__(self, batch: Any) -> Any:
        """The batch with images as floats from 0 to 1; boxes and masks stay."""
        floats = as_floats(images_of(batch))
        images = floats.float()
        # On the CPU in any case: the order of the calls is decided there.
        for place in torch.randperm(len(self.changes)).tolist():
            change, least, most = self.changes[place]
            images = change(images, torch.empty(len(images), device=images.device).uniform_(least, most))
        return with_images(batch, images.to(floats.dtype))
