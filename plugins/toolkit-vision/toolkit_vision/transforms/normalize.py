"""Normalisation of images by mean and standard deviation. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit_vision.transforms.arguments import positive
from toolkit_vision.transforms.batches import as_floats, images_of, with_images


class Normalize:
    """Subtracts a mean from every channel and divides by a standard deviation; uint8 images become floats first.

    To be the last of the transforms, in `transforms.train` and `transforms.eval` alike.

    Arguments:
        mean: of each channel, of images from 0 to 1; one number for all of them. ImageNet's is [0.485, 0.456, 0.406].
        std: the same; ImageNet's is [0.229, 0.224, 0.225].

    Raises:
        ValueError: a standard deviation is not above 0, or, at a batch, the images have another number of channels.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = _values(mean), _values(std)
        for value in self.std:
            positive("std", value)
        self._there: dict[torch.device, tuple[Tensor, Tensor]] = {}
        """Factor and shift by device: moving them there in every batch would wait for the device."""

    def __call__(self, batch: Any) -> Any:
        """Images `(batch, channels, height, width)` as floats around 0."""
        images = images_of(batch)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, images.shape[1]):
                raise ValueError(f"{name} has {len(values)} numbers, but images have {images.shape[1]} channels")
        if images.device not in self._there:
            mean, std = (
                torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (self.mean, self.std)
            )
            self._there[images.device] = 1 / std, mean / std
        factor, shift = self._there[images.device]
        floats = as_floats(images)
        return with_images(batch, (floats * factor).sub_(shift).to(floats.dtype))


def _values(given: float | Sequence[float]) -> list[float]:
    return [float(given)] if isinstance(given, (int, float)) else [float(value) for value in given]
