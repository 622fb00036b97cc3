"""U-Net, a network that gives every pixel a class. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class UNet(nn.Module):
    """The U-Net of Ronneberger, Fischer and Brox (2015), with padding, batch normalisation and any image size.

    On the way down each level halves the image, rounded up, and doubles the channels; on the way up each level is
    brought back to the size of the one above and goes on beside what that one had found.

    Arguments:
        num_classes: classes that a pixel can have.
        in_channels: channels of the images.
        width: channels of the first level; level `n` has `width * 2**n`.
        depth: how many times the image is halved.
    """

    def __init__(self, num_classes: int, in_channels: int, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(_block(before, after) for before, after in pairwise([in_channels, *widths]))
        self.up = nn.ModuleList(_block(below + beside, beside) for below, beside in pairwise(reversed(widths)))
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes, height, width)` of float images `(batch, in_channels, height, width)`."""
        kept: list[Tensor] = []
        features = inputs
        for level, block in enumerate(self.down):
            if level:
                kept.append(features)
                features = F.max_pool2d(features, 2, ceil_mode=True)
            features = block(features)
        for block, beside in zip(self.up, reversed(kept), strict=True):
            # Nearest and not bilinear, whose backward pass on CUDA adds up in any order.
            features = F.interpolate(features, size=beside.shape[-2:], mode="nearest")
            features = block(torch.cat((beside, features), dim=1))
        logits: Tensor = self.head(features)
        return logits


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(*_convolution(channels, width), *_convolution(width, width))


def _convolution(channels: int, width: int) -> tuple[nn.Module, ...]:
    return (
        # No bias: the batch normalisation that follows has one.
        nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
