"""A network that says whether an image of a class is real. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class ConvDiscriminator(nn.Module):
    """An image and the class that it is said to show to one number, the higher the more real.

    The class comes in by a projection: Miyato and Koyama, "cGANs with Projection Discriminator" (2018).

    Arguments:
        num_classes: how many classes there are; filled from the dataset.
        in_channels: channels of the images; filled from the dataset.
        image_size: [height, width] of the images, multiples of 4; filled from the dataset.
        width: channels of the first layer; the second one has twice as many.
    """

    def __init__(self, num_classes: int, in_channels: int, image_size: Sequence[int], width: int = 32) -> None:
        super().__init__()
        height, across = image_size
        features = 4 * width
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, kernel_size=3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * (height // 4) * (across // 4), features),
            nn.LeakyReLU(0.2),
        )
        self.real = nn.Linear(features, 1)
        self.classes = nn.Embedding(num_classes, features)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits `(batch,)` of images `(batch, in_channels, height, width)` from 0 to 1 and classes `(batch,)`."""
        features = self.layers(images)
        logits: Tensor = self.real(features).squeeze(1) + (features * self.classes(labels)).sum(1)
        return logits
