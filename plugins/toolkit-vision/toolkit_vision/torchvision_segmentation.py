"""torchvision's networks for segmentation by name. Imports torch and torchvision, nothing of the toolkit."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model, get_model_weights
from torchvision.models.segmentation import LRASPP

from toolkit_vision.pretrained import NETWORK_CHANNELS, channels_of_network, refuse_channels, set_inputs
from toolkit_vision.untrained import weights_left_out

Arch = Literal[
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
    "lraspp_mobilenet_v3_large",
]


class TorchvisionSegmentation(nn.Module):
    """A network of torchvision.models.segmentation: DeepLabV3, FCN or LR-ASPP.

    Images are normalised in here as the weights want them: give none that are normalised already. Without weights they
    stay as they are. The last convolution is a new one, with random weights, where the weights' classes are not as many
    as the data's. The second classifier that some were trained with, for an auxiliary loss, is left out.

    Images of one channel are taken for grey ones, and given to all three channels. For other channels than 1 and 3 the
    first convolution is a new one, without pretrained weights only.

    The batch normalisation of DeepLabV3 needs at least two images in a training batch: set `loader.drop_last` where
    the last one could be alone. Its parts are `backbone` and `head`, with torchvision's names inside.

    Arguments:
        arch: its name in torchvision.
        num_classes: classes that a pixel can have.
        in_channels: channels of the images.
        weights: pretrained weights, `DEFAULT` or another of torchvision's names for this network; downloaded to torch's
            cache. Random ones when None.

    Raises:
        ValueError: there are no weights of that name, or they were trained with images of other channels.
        OSError: the weights could not be downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, arch: Arch, num_classes: int, in_channels: int = 3, weights: str | None = None) -> None:
        super().__init__()
        channels = channels_of_network(in_channels)
        mean, std = [0.0] * channels, [1.0] * channels
        if weights is None:
            # Left out, torchvision would download weights of the backbone.
            network: Any = get_model(arch, weights=None, weights_backbone=None, num_classes=num_classes)
        else:
            refuse_channels(arch, in_channels, "leave `weights` out")
            network, preset = _pretrained(arch, weights)
            mean, std = preset.mean, preset.std
            _replace_heads(network.classifier, num_classes)
        self.backbone = network.backbone
        self.head = network.classifier
        if channels != NETWORK_CHANNELS:
            set_inputs(self.backbone, channels)
        # It takes two feature maps of the backbone, the others one.
        self._takes_all = isinstance(network, LRASPP)
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network without pretrained weights, which a checkpoint will replace; nothing is downloaded."""
        with weights_left_out():
            return cls(**arguments)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes, height, width)` of images `(batch, in_channels, height, width)`, 0 to 1."""
        # With one channel in the images and three in these, the images get three too.
        features = self.backbone((inputs - self.mean) / self.std)
        coarse = self.head(features if self._takes_all else features["out"])
        return F.interpolate(coarse, size=inputs.shape[-2:], mode="bilinear", align_corners=False)


def _pretrained(arch: str, name: str) -> tuple[Any, Any]:
    """The network with weights of that name, and what their images were prepared with."""
    offered = get_model_weights(arch).__members__
    short = name.rpartition(".")[2]  # LRASPP_MobileNet_V3_Large_Weights.DEFAULT
    if short not in offered:
        raise ValueError(f"{arch} has no weights {name!r}; there are {', '.join(offered)}")
    weights = offered[short]
    try:
        return get_model(arch, weights=weights), weights.transforms()
    except OSError as error:
        raise OSError(
            f"the weights {weights.name} of {arch} could not be downloaded ({error}); the file {weights.url} "
            f"can also be put into {torch.hub.get_dir()}/checkpoints"
        ) from error


def _replace_heads(classifier: nn.Module, num_classes: int) -> None:
    """New last convolutions where those there have another number of outputs."""
    # LR-ASPP adds up two of them; in the others it is the last layer, whose name is its number.
    two = ("low_classifier", "high_classifier")
    for name in two if hasattr(classifier, two[0]) else [list(dict(classifier.named_children()))[-1]]:
        old = getattr(classifier, name)
        if old.out_channels != num_classes:
            setattr(classifier, name, nn.Conv2d(old.in_channels, num_classes, kernel_size=1))
