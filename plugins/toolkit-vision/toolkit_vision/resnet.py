"""Residual networks for small images and photographs. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

Depth = Literal[18, 20, 32, 34, 44, 50, 56, 101, 110, 152]

BLOCKS: dict[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    20: (3, 3, 3),
    32: (5, 5, 5),
    44: (7, 7, 7),
    56: (9, 9, 9),
    110: (18, 18, 18),
}
"""By depth, the residual blocks of each stage. Three stages: the family for CIFAR."""
BOTTLENECKS = (50, 101, 152)


class ResNetFeatures(nn.Module):
    """The feature maps of a residual network, for what looks at an image at several scales.

    Its parts are `stem` and `stages`.

    Arguments:
        in_channels: channels of the images.
        depth: as for `resnet`.
        stem: as for `resnet`.
        width: as for `resnet`.
    """

    def __init__(
        self,
        in_channels: int,
        depth: Depth = 18,
        stem: Literal["imagenet", "cifar"] | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__()
        blocks = BLOCKS[depth]
        small = len(blocks) == 3
        stem = stem or ("cifar" if small else "imagenet")
        width = width or (16 if small else 64)
        block = _bottleneck if depth in BOTTLENECKS else _basic
        widths = [width * 2**stage for stage in range(len(blocks))]
        self.channels = [4 * each if block is _bottleneck else each for each in widths]
        """Channels of each feature map."""
        first = 1 if stem == "cifar" else 4
        self.strides = [first * 2**stage for stage in range(len(blocks))]
        """Pixels of the image, along a side, for one of each feature map."""
        if stem == "cifar":
            self.stem = nn.Sequential(*_convolution(in_channels, width, 3), nn.ReLU(inplace=True))
        else:
            self.stem = nn.Sequential(
                *_convolution(in_channels, width, 7, stride=2),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, stride=2, padding=1),
            )
        self.stages = nn.ModuleList()
        for stage, (before, after) in enumerate(pairwise([width, *self.channels])):
            inner = widths[stage]
            rest = [block(after, inner, stride=1) for _ in range(blocks[stage] - 1)]
            self.stages.append(nn.Sequential(block(before, inner, stride=2 if stage else 1), *rest))
        _initialise(self)

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """What each stage makes of float images `(batch, in_channels, height, width)`, the finest first.

        Shapes `(batch, channels[i], height / strides[i], width / strides[i])`, rounded up.
        """
        maps = [self.stem(inputs)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]


class ResNet(nn.Module):
    """A residual network ("Deep Residual Learning for Image Recognition", He et al., 2015).

    Depths 18, 34, 50, 101 and 152 are those for photographs; from 50 up they have bottlenecks, which halve the image in
    their 3x3 convolution (ResNet v1.5). 20, 32, 44, 56 and 110 are the small ones for CIFAR, with projections where the
    paper pads with zeros. The last batch normalisation of each block begins at zero, so that blocks begin as
    identities ("Accurate, Large Minibatch SGD", Goyal et al., 2017). Takes images of any size.

    Its parts are `backbone.stem`, `backbone.stages.0` to `.3`, and `head`.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        depth: number of layers with weights.
        stem: how it begins. `imagenet`: a 7x7 convolution and a pooling, which leave a quarter of each side; `cifar`:
            one 3x3 convolution, for images of about 32 pixels. None: `cifar` for the family for CIFAR.
        width: channels of the first stage, twice as many with each next one; 64, for CIFAR's family 16, when None.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        depth: Depth = 18,
        stem: Literal["imagenet", "cifar"] | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone = ResNetFeatures(in_channels, depth, stem, width)
        self.head = nn.Linear(self.backbone.channels[-1], num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, height, width)`."""
        logits: Tensor = self.head(self.backbone(inputs)[-1].mean((2, 3)))
        return logits


class _Residual(nn.Module):
    """`relu(body(x) + shortcut(x))`."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, inputs: Tensor) -> Tensor:
        added: Tensor = self.body(inputs) + self.shortcut(inputs)
        return added.relu()


def _basic(channels: int, width: int, stride: int) -> _Residual:
    body = nn.Sequential(
        *_convolution(channels, width, 3, stride),
        nn.ReLU(inplace=True),
        *_convolution(width, width, 3),
    )
    return _Residual(body, _shortcut(channels, width, stride))


def _bottleneck(channels: int, width: int, stride: int) -> _Residual:
    body = nn.Sequential(
        *_convolution(channels, width, 1),
        nn.ReLU(inplace=True),
        *_convolution(width, width, 3, stride),
        nn.ReLU(inplace=True),
        *_convolution(width, 4 * width, 1),
    )
    return _Residual(body, _shortcut(channels, 4 * width, stride))


def _shortcut(channels: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and channels == outputs:
        return nn.Identity()
    return nn.Sequential(*_convolution(channels, outputs, 1, stride))


def _convolution(channels: int, outputs: int, kernel: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    # No bias: the batch normalisation that follows has one.
    return (
        nn.Conv2d(channels, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for module in network.modules():
        if isinstance(module, _Residual):
            last = module.body[-1]
            assert isinstance(last, nn.BatchNorm2d)
            nn.init.zeros_(last.weight)
