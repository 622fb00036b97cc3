"""A convolutional network laid out like a vision transformer. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from toolkit_vision.drop_path import DropPath, rising


class ConvNeXtFeatures(nn.Module):
    """The feature maps of a ConvNeXt, for what looks at an image at several scales.

    Its parts are `stem` and `stages`.

    Arguments:
        in_channels: channels of the images.
        depths: as for `convnext`.
        widths: as for `convnext`.
        patch_size: as for `convnext`.
        drop_path: as for `convnext`.

    Raises:
        ValueError: `depths` and `widths` are not of one length, or `drop_path` is no probability.
    """

    def __init__(
        self,
        in_channels: int,
        depths: Sequence[int] = (3, 3, 9, 3),
        widths: Sequence[int] = (96, 192, 384, 768),
        patch_size: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if len(depths) != len(widths):
            raise ValueError(f"depths has {len(depths)} stages, but widths has {len(widths)}")
        self.channels = list(widths)
        """Channels of each feature map."""
        self.strides = [patch_size * 2**stage for stage in range(len(depths))]
        """Pixels of the image, along a side, for one of each feature map."""
        self.stem = nn.Sequential(nn.Conv2d(in_channels, widths[0], patch_size, stride=patch_size), _Norm(widths[0]))
        rates = iter(rising(drop_path, sum(depths)))
        self.stages = nn.ModuleList()
        for depth, (before, after) in zip(depths, pairwise([widths[0], *widths]), strict=True):
            halved = [_Norm(before), nn.Conv2d(before, after, 2, stride=2)] if len(self.stages) else []
            self.stages.append(nn.Sequential(*halved, *(_Block(after, next(rates)) for _ in range(depth))))
        self.apply(_initialise)

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """What each stage makes of float images `(batch, in_channels, height, width)`, the finest first.

        Shapes `(batch, channels[i], height / strides[i], width / strides[i])`, rounded down.
        """
        maps = [self.stem(inputs)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]


class ConvNeXt(nn.Module):
    """A ConvNeXt ("A ConvNet for the 2020s", Liu et al., 2022): the tiny one where nothing else is said.

    Takes images of any size from `patch_size` times 2 to the number of stages less one, 32 pixels, up.

    Its parts are `backbone.stem`, `backbone.stages.0` to `.3`, `norm` and `head`.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        depths: blocks of each stage.
        widths: channels of each stage.
        patch_size: side of the patches, in pixels, that the first convolution makes one position of; 1 or 2 for small
            images.
        drop_path: probability with which the last block is left out for a sample in training; it falls to 0 towards
            the first block.

    Raises:
        ValueError: `depths` and `widths` are not of one length, or `drop_path` is no probability.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        depths: Sequence[int] = (3, 3, 9, 3),
        widths: Sequence[int] = (96, 192, 384, 768),
        patch_size: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = ConvNeXtFeatures(in_channels, depths, widths, patch_size, drop_path)
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        self.head = nn.Linear(widths[-1], num_classes)
        _initialise(self.head)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, height, width)`."""
        logits: Tensor = self.head(self.norm(self.backbone(inputs)[-1].mean((2, 3))))
        return logits


class _Block(nn.Module):
    """A 7x7 convolution of each channel by itself, then two linear layers at each position."""

    def __init__(self, width: int, drop_path: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 1e-6))
        self.drop_path = DropPath(drop_path)

    def forward(self, inputs: Tensor) -> Tensor:
        # With channels last, where linear layers have them; no copy where they lie like that in memory already.
        branch = self.convolution(inputs).permute(0, 2, 3, 1)
        branch = self.scale * self.mlp(self.norm(branch))
        dropped: Tensor = self.drop_path(branch.permute(0, 3, 1, 2))
        return inputs + dropped


class _Norm(nn.LayerNorm):
    """Layer normalisation over the channels of `(batch, channels, height, width)`."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
