"""torchvision's detectors by name. Imports torch and torchvision, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from toolkit_vision.untrained import weights_left_out

Arch = Literal[
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
]
WITH_BACKGROUND = ("fasterrcnn", "ssd")
"""Detectors whose class 0 is the background; the others give each class a probability of its own."""
FIXED_SIZE = "ssd"


class TorchvisionDetection(nn.Module):
    """A detector of torchvision.models.detection: Faster R-CNN, RetinaNet, FCOS, SSD or SSDlite.

    Classes are counted from 0, as everywhere here; the background that some of them count first is added inside. With
    `weights` the layers whose size depends on the number of classes are new ones where the data has other classes than
    the weights (torchvision's for COCO have 91). Images are scaled and normalised inside, as the detector wants them:
    give none that are normalised already. Images of one channel are taken for grey ones.

    Arguments:
        arch: its name in torchvision.
        num_classes: classes of objects, without background.
        in_channels: channels of the images, 1 or 3.
        weights: pretrained weights of the whole detector, `DEFAULT` or another name of torchvision's; downloaded.
        weights_backbone: pretrained weights of the backbone alone, `DEFAULT` or another name; downloaded.
        trainable_backbone_layers: stages of a pretrained backbone that are trained, from the last; torchvision's choice
            when None.
        min_size: shorter side to which images are scaled, in pixels; torchvision's choice (800) when None.
        max_size: longer side at most, in pixels; torchvision's choice (1333) when None.

    Raises:
        ValueError: there are no weights of that name, images have other channels, or the detector has a fixed size.
    """

    def __init__(
        self,
        arch: Arch,
        num_classes: int,
        in_channels: int = 3,
        weights: str | None = None,
        weights_backbone: str | None = None,
        trainable_backbone_layers: int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
    ) -> None:
        super().__init__()
        if in_channels not in (1, 3):
            raise ValueError(f"{arch} takes images of 1 or 3 channels, not {in_channels}")
        sizes = {name: size for name, size in (("min_size", min_size), ("max_size", max_size)) if size is not None}
        if sizes and arch.startswith(FIXED_SIZE):
            raise ValueError(f"{arch} scales all images to one size; remove {', '.join(sizes)}")
        self.offset = 1 if arch.startswith(WITH_BACKGROUND) else 0
        # Left out, torchvision would download weights of the backbone.
        ours: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": num_classes + self.offset}
        options: dict[str, Any] = {"trainable_backbone_layers": trainable_backbone_layers, **sizes}
        if weights is None:
            self.network = get_model(arch, **{**ours, **options, "weights_backbone": weights_backbone})
        else:
            self.network = get_model(arch, weights=_weights(arch, weights), **options)
            _replace_heads(self.network, get_model(arch, **ours))

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network without pretrained weights, which a checkpoint will replace; nothing is downloaded."""
        with weights_left_out():
            return cls(**arguments)

    def forward(
        self, images: Tensor, targets: Sequence[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """The parts of the loss in training, what is found in evaluation.

        Arguments:
            images: floats from 0 to 1, `(batch, in_channels, height, width)`.
            targets: for each image `boxes` `(boxes, 4)`, x1 y1 x2 y2 in pixels, and `labels` `(boxes,)`.

        Returns:
            In training a dict of losses, each of its own name; in evaluation for each image `boxes` `(found, 4)`,
            `scores` and `labels` `(found,)`.
        """
        listed = list(images.expand(-1, 3, -1, -1))
        if self.training:
            shifted = [{**each, "labels": each["labels"] + self.offset} for each in targets or ()]
            losses: dict[str, Tensor] = self.network(listed, shifted)
            return losses
        return [{**each, "labels": each["labels"] - self.offset} for each in self.network(listed)]


def _weights(arch: str, name: str) -> Any:
    offered = get_model_weights(arch)
    if name not in offered.__members__:
        raise ValueError(f"{arch} has no weights {name!r}; there are {', '.join(offered.__members__)}")
    return offered[name]


def _replace_heads(network: nn.Module, fresh: nn.Module) -> None:
    """Takes from a new network of the wanted classes those layers whose shapes are others."""
    for name, layer in fresh.named_modules():
        old = network.get_submodule(name)
        for counted in ("num_classes", "num_columns"):
            if isinstance(getattr(layer, counted, None), int):
                setattr(old, counted, getattr(layer, counted))
        own = dict(layer.named_parameters(recurse=False))
        if any(own[part].shape != value.shape for part, value in old.named_parameters(recurse=False)):
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, layer)
