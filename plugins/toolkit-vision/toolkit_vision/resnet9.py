"""A residual network of nine layers for small images, made to train fast. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn


class ResNet9(nn.Module):
    """A network that was found in a search for fast training ("How to Train Your ResNet", Page, 2018 and 2019).

    Four 3x3 convolutions with batch normalisation, each of which but the first has a pooling that halves the image; a
    residual block after the second and one after the last; the maximum over what is left of the image; one linear
    layer. Each size of the image takes about the same arithmetic. As in the author's last version a pooling comes
    before the normalisation; logits are not scaled down as there. Takes images of 8 pixels and more on each side.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        width: channels of the first convolution; the others have 2, 4 and 8 times as many.
    """

    def __init__(self, num_classes: int, in_channels: int, width: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(in_channels, width),
            _convolution(width, 2 * width, halved=True),
            _Residual(2 * width),
            _convolution(2 * width, 4 * width, halved=True),
            _convolution(4 * width, 8 * width, halved=True),
            _Residual(8 * width),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(8 * width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, height, width)`."""
        logits: Tensor = self.head(self.features(inputs))
        return logits


class _Residual(nn.Module):
    """`x + body(x)`: nothing is rectified after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_convolution(width, width), _convolution(width, width))

    def forward(self, inputs: Tensor) -> Tensor:
        added: Tensor = inputs + self.body(inputs)
        return added


def _convolution(channels: int, outputs: int, halved: bool = False) -> nn.Sequential:
    # Pooled before it is normalised: a quarter of the arithmetic for what follows. No bias: the normalisation has one.
    pooling = [nn.MaxPool2d(2)] if halved else []
    return nn.Sequential(
        nn.Conv2d(channels, outputs, kernel_size=3, padding=1, bias=False),
        *pooling,
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
