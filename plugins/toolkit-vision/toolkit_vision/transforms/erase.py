"""Random erasing. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch

from toolkit_vision.transforms.arguments import interval, share
from toolkit_vision.transforms.batches import each, images_of, with_images
from toolkit_vision.transforms.rectangles import inside, random_rectangles, random_starts


class RandomErasing:
    """Erases a rectangle of random area, shape and place in some of the images; uint8 images stay uint8.

    From "Random Erasing Data Augmentation" (Zhong et al., 2020). Boxes and masks stay. An image for which no rectangle
    was found that fits stays as it is, which is rare.

    Arguments:
        p: probability for an image to lose a rectangle.
        scale: least and largest area of the rectangle, as a share of the image's.
        ratio: least and largest width divided by height.
        fill: what is put there: 0 (`zero`), or a random value for every pixel and channel (`noise`), from 0 to 255 in
            uint8 and from 0 to 1 in floats; so `normalize` comes after it.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 1 / 3),
        ratio: Sequence[float] = (0.3, 1 / 0.3),
        fill: Literal["zero", "noise"] = "zero",
    ) -> None:
        self.p = share("p", p)
        self.scale = interval("scale", scale, most=1)
        self.ratio = interval("ratio", ratio)
        self.fill = fill

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes and dtypes."""
        images = images_of(batch)
        number, _, height, width = images.shape
        heights, widths, found = random_rectangles(number, (height, width), self.scale, self.ratio, images.device)
        tops, lefts = random_starts(heights, height), random_starts(widths, width)
        chosen = found & (torch.rand(number, device=images.device) < self.p)
        erased = inside(tops, lefts, heights, widths, (height, width)) & each(chosen)
        if self.fill == "zero":
            return with_images(batch, images.masked_fill(erased, 0))
        noise = torch.empty_like(images)
        noise = noise.random_(0, 256) if images.dtype is torch.uint8 else noise.uniform_()
        return with_images(batch, torch.where(erased, noise, images))
