"""A network that makes small images of a class from noise. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ConvGenerator(nn.Module):
    """Noise and a class to an image: a linear layer to a quarter of the size, and two steps of doubling it.

    Arguments:
        num_classes: how many classes there are; filled from the dataset.
        in_channels: channels of the images; filled from the dataset.
        image_size: [height, width] of the images, multiples of 4; filled from the dataset.
        width: channels of the last hidden layer; the first one has twice as many.
        noise_size: length of the noise.

    Raises:
        ValueError: height or width is no multiple of 4.
    """

    def __init__(
        self, num_classes: int, in_channels: int, image_size: Sequence[int], width: int = 32, noise_size: int = 32
    ) -> None:
        super().__init__()
        height, across = image_size
        if height % 4 or across % 4:
            raise ValueError(f"images of {height}x{across} pixels; height and width have to be multiples of 4")
        self.noise_size = noise_size
        self.num_classes = num_classes
        self.classes = nn.Embedding(num_classes, noise_size)
        self.layers = nn.Sequential(
            nn.Linear(2 * noise_size, 2 * width * (height // 4) * (across // 4)),
            nn.Unflatten(1, (2 * width, height // 4, across // 4)),
            *_doubled(2 * width, 2 * width),
            *_doubled(2 * width, width),
            nn.Conv2d(width, in_channels, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Images `(batch, in_channels, height, width)` from 0 to 1, from noise `(batch, noise_size)` and `(batch,)`."""
        images: Tensor = self.layers(torch.cat((noise, self.classes(labels)), dim=1))
        return images


def _doubled(channels: int, width: int) -> tuple[nn.Module, ...]:
    # Each sample is normalised by itself: statistics of a batch would tie samples to their neighbours.
    return (
        nn.GroupNorm(4, channels),
        nn.LeakyReLU(0.2),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(channels, width, kernel_size=3, padding=1),
    )
