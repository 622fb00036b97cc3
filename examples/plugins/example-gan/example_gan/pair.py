"""The model of the task `gan`: two networks that train each other. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn


class AdversarialPair(nn.Module):
    """A generator and a discriminator: `{use: adversarial_pair, generator: conv_generator, ...}`.

    Arguments:
        generator: a part that makes images `(batch, channels, height, width)` of noise `(batch, noise_size)` and
            classes `(batch,)`, with the attributes `noise_size` and `num_classes`.
        discriminator: a part that makes logits `(batch,)` of images and classes.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """What the generator makes; the discriminator is there to train."""
        images: Tensor = self.generator(noise, labels)
        return images
