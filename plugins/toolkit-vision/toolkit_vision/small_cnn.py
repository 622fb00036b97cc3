"""A small convolutional network for small images. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Two stages of two 3x3 convolutions with batch normalisation, global average pooling, one linear layer.

    Takes images of any size: each stage but the last halves it, rounded up, and the pooling takes what is left.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        width: channels of the first stage; the second has twice as many.
        dropout: probability with which a pooled feature is set to zero in training.
    """

    def __init__(self, num_classes: int, in_channels: int, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(in_channels, width),
            _convolution(width, width),
            nn.MaxPool2d(2, ceil_mode=True),
            _convolution(width, 2 * width),
            _convolution(2 * width, 2 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, height, width)`."""
        logits: Tensor = self.head(self.dropout(self.features(inputs)))
        return logits


def _convolution(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        # No bias: the batch normalisation that follows has one.
        nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
