"""torchvision's networks for classification by name. Imports torch and torchvision, nothing of the toolkit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
import torchvision
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models
from torchvision.models.vision_transformer import interpolate_embeddings

from toolkit_vision.pretrained import (
    NETWORK_CHANNELS,
    ZooClassifier,
    channels_of_network,
    no_such_model,
    refuse_channels,
    set_inputs,
)
from toolkit_vision.untrained import weights_left_out

AUXILIARY = ("AuxLogits", "aux1", "aux2")
"""Classifiers in the middle of inception_v3 and googlenet, for an auxiliary loss."""


class Torchvision(ZooClassifier):
    """A network of torchvision.models: `{use: torchvision, arch: resnet50, weights: DEFAULT}`.

    Images are normalised in here as the weights want them: give none that are normalised already. Without weights they
    stay as they are. The last layer is a new one, with random weights, where the weights' classes are not as many as
    the data's. Auxiliary classifiers (inception_v3, googlenet) are left out.

    Images of one channel are taken for grey ones, and given to all three channels. For other channels than 1 and 3 the
    first convolution is a new one, without pretrained weights only.

    Input size: most networks take images of any size from about 32 pixels up, and `weights` were trained with 224 (some
    with more: `torchvision.models.ResNet50_Weights.DEFAULT.transforms()` tells); features of much smaller images are
    poor. `vit_*` and `maxvit_t` take images of one size and are built for that of the data; the positions of a
    pretrained `vit` are interpolated.

    Its parts are `backbone`, with torchvision's names inside, and `head`, the last layer.

    Arguments:
        arch: its name in torchvision; `torchvision.models.list_models(module=torchvision.models)` lists them.
        num_classes: length of the output.
        in_channels: channels of the images.
        image_size: height and width of the images in pixels; those of the weights, or 224x224, when None.
        weights: pretrained weights, `DEFAULT` or another of torchvision's names for this network; downloaded to torch's
            cache. Random ones when None.
        options: further arguments of torchvision's function of this name, such as `{stochastic_depth_prob: 0.1}`.

    Raises:
        ValueError: there is no such network, it has no such weights, or it cannot take such images.
        OSError: the weights could not be downloaded.
    """

    def __init__(
        self,
        arch: str,
        num_classes: int,
        in_channels: int = 3,
        image_size: Sequence[int] | None = None,
        weights: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        # Those for detection, segmentation and video are in modules of their own.
        names = list_models(module=torchvision.models)
        if arch not in names:
            raise no_such_model("torchvision", arch, names)
        options = dict(options or {})
        mean = std = None
        if weights is None:
            network: Any = _random(arch, num_classes, image_size, options)
        else:
            refuse_channels(arch, in_channels, "leave `weights` out")
            chosen = _weights(arch, weights)
            network = _pretrained(arch, chosen, image_size, options)
            preset = chosen.transforms()
            mean, std = preset.mean, preset.std
            if getattr(network, "transform_input", False):
                # Weights from TensorFlow, for images from -1 to 1; torchvision makes them out of normalised ones.
                network.transform_input = False
                mean = std = [0.5] * NETWORK_CHANNELS
            if image_size is None and _sized(arch, chosen.meta["min_size"]):
                image_size = chosen.meta["min_size"]
        if channels_of_network(in_channels) != NETWORK_CHANNELS:
            set_inputs(network, in_channels)
        if hasattr(network, "aux_logits"):
            network.aux_logits = False
            for name in AUXILIARY:
                if hasattr(network, name):
                    setattr(network, name, None)
        super().__init__(arch, network, num_classes, in_channels, image_size, mean, std)

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network without pretrained weights, which a checkpoint will replace; nothing is downloaded."""
        with weights_left_out():
            return cls(**arguments)


def _random(arch: str, num_classes: int, image_size: Sequence[int] | None, options: dict[str, Any]) -> nn.Module:
    if arch in ("googlenet", "inception_v3"):
        options = {"init_weights": True, **options}  # as it is where nothing is said, after a warning
    network: nn.Module = get_model(arch, weights=None, num_classes=num_classes, **_sized(arch, image_size), **options)
    return network


def _pretrained(arch: str, weights: Any, image_size: Sequence[int] | None, options: dict[str, Any]) -> nn.Module:
    try:
        network: nn.Module = get_model(arch, weights=weights, **options)
    except OSError as error:
        raise OSError(
            f"the weights {weights.name} of {arch} could not be downloaded ({error}); the file {weights.url} "
            f"can also be put into {torch.hub.get_dir()}/checkpoints"
        ) from error
    sized = _sized(arch, image_size)
    if sized and tuple(image_size or ()) != tuple(weights.meta["min_size"]):
        held = network.state_dict()
        if "image_size" in sized:
            held = interpolate_embeddings(sized["image_size"], network.patch_size, held)
        network = get_model(arch, weights=None, num_classes=len(weights.meta["categories"]), **sized, **options)
        network.load_state_dict(held)
    return network


def _sized(arch: str, image_size: Sequence[int] | None) -> dict[str, Any]:
    """The argument that tells a network of one image size which; empty for all others."""
    if image_size is None:
        return {}
    height, width = image_size
    if arch.startswith("vit_"):
        if height != width:
            raise ValueError(f"{arch} takes square images, not such of {height}x{width} pixels")
        return {"image_size": height}
    return {"input_size": (height, width)} if arch.startswith("maxvit_") else {}


def _weights(arch: str, name: str) -> Any:
    offered = get_model_weights(arch).__members__
    # Some hold no classifier, and not a number in its place (VGG's IMAGENET1K_FEATURES).
    usable = {key: weights for key, weights in offered.items() if weights.meta["categories"]}
    short = name.rpartition(".")[2]  # ResNet50_Weights.IMAGENET1K_V2
    if short in usable:
        return usable[short]
    if short in offered:
        raise ValueError(f"the weights {name!r} of {arch} are without a classifier; there are {', '.join(usable)}")
    close = difflib.get_close_matches(short, usable, n=1)
    meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(usable)}"
    raise ValueError(f"{arch} has no weights {name!r}; {meant}")
