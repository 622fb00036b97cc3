"""A multilayer perceptron. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear layers with ReLU between them, on flattened images: `hidden: 128` on MNIST is the classic 784-128-10.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        image_size: height and width of the images in pixels.
        hidden: width of each hidden layer; one number is one layer, an empty list none.
        dropout: probability with which an output of a hidden layer is set to zero in training.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: Sequence[int],
        hidden: int | Sequence[int] = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [hidden] if isinstance(hidden, int) else list(hidden)
        features = in_channels * math.prod(image_size)
        layers: list[nn.Module] = [nn.Flatten()]
        for width in widths:
            layers += [nn.Linear(features, width), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
            features = width
        self.layers = nn.Sequential(*layers, nn.Linear(features, num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, channels, height, width)`, or of the same images
        already flat, `(batch, channels * height * width)`."""
        logits: Tensor = self.layers(inputs)
        return logits
