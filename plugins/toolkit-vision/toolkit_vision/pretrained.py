"""What the bridges to the zoos have in common: normalised inputs, and a network cut into backbone and head.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

NETWORK_CHANNELS = 3
"""Channels of the images that the networks of the zoos were made for, and pretrained with."""


class ZooClassifier(nn.Module):
    """A network of a zoo as a classifier: normalisation, then `backbone`, then `head`.

    The head is the last layer of the network, taken out of it, and `backbone` is what remains. Where something follows
    after that layer it stays in the backbone, and the head does nothing (`squeezenet`).

    Mean and standard deviation are saved with the weights, and are 0 and 1 where those are random. So a checkpoint can
    be loaded into a network that was built without pretrained weights.

    Arguments:
        arch: its name, for messages.
        network: takes images of three channels where `in_channels` is 1, else of `in_channels`.
        num_classes: length of the output. Where the network has another one, its last layer gets new random weights.
        in_channels: channels of the images.
        image_size: height and width of the images in pixels, tried out; 224x224 when None.
        mean: of each channel in the images that the weights were trained with, from 0 to 1; None for random weights.
        std: their standard deviation.

    Raises:
        ValueError: the network cannot take such images, or does not end in a classifier.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        arch: str,
        network: nn.Module,
        num_classes: int,
        in_channels: int,
        image_size: Sequence[int] | None,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
    ) -> None:
        super().__init__()
        channels = channels_of_network(in_channels)
        height, width = image_size or (224, 224)
        # With one channel in the images and three in these, the images get three too.
        self.register_buffer("mean", torch.tensor(mean or [0.0] * channels).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std or [1.0] * channels).reshape(-1, 1, 1))
        name, layer, ends = _classifier_of(arch, network, (2, channels, height, width))
        if _outputs(layer) != num_classes:
            _set_outputs(layer, num_classes)
        self.backbone = network
        self.head: nn.Module = nn.Identity()
        if ends:
            self.head = layer
            network.set_submodule(name, nn.Identity())

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, height, width)` from 0 to 1."""
        logits: Tensor = self.head(self.backbone((inputs - self.mean) / self.std))
        return logits


def channels_of_network(in_channels: int) -> int:
    """Channels of the network for images of so many: three for grey ones, which all of them are then given."""
    return NETWORK_CHANNELS if in_channels == 1 else in_channels


def refuse_channels(arch: str, in_channels: int, without: str) -> None:
    """Refuse to give pretrained weights other channels than they were trained with.

    Raises:
        ValueError: they have others.
    """
    if channels_of_network(in_channels) != NETWORK_CHANNELS:
        raise ValueError(
            f"the pretrained weights of {arch} take images of 3 channels, or grey ones of 1, and these have "
            f"{in_channels}: {without} for random weights"
        )


def no_such_model(zoo: str, arch: str, names: Iterable[str]) -> ValueError:
    """The error for a name that is none, with the nearest ones."""
    close = difflib.get_close_matches(arch, list(names), n=3)
    meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return ValueError(f"{zoo} has no classification model {arch!r}.{meant}")


def set_inputs(network: nn.Module, channels: int) -> None:
    """Give the first convolution of a network another number of channels, with new random weights."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    first.weight = nn.Parameter(first.weight.new_empty((first.out_channels, channels, *first.kernel_size)))
    first.in_channels = channels
    first.reset_parameters()


def _outputs(layer: nn.Linear | nn.Conv2d) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _set_outputs(layer: nn.Linear | nn.Conv2d, outputs: int) -> None:
    layer.weight = nn.Parameter(layer.weight.new_empty((outputs, *layer.weight.shape[1:])))
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.new_empty(outputs))
    if isinstance(layer, nn.Linear):
        layer.out_features = outputs
    else:
        layer.out_channels = outputs
    layer.reset_parameters()


def _classifier_of(
    arch: str, network: nn.Module, shape: tuple[int, int, int, int]
) -> tuple[str, nn.Linear | nn.Conv2d, bool]:
    """The layer that ran last for images of such a shape: its name, itself, and whether nothing comes after it.

    Nothing is computed where torch can do without: tensors on the meta device have shapes only.
    """
    ran: list[tuple[Any, Any]] = []
    layers = {module: name for name, module in network.named_modules() if isinstance(module, (nn.Linear, nn.Conv2d))}
    handles = [layer.register_forward_hook(lambda layer, _, result: ran.append((layer, result))) for layer in layers]
    network.eval()  # random numbers and running statistics stay as they are
    try:
        outputs = _shapes_only(network, shape)
        if outputs is None:
            ran.clear()
            outputs = _computed(arch, network, shape)
    finally:
        network.train()
        for handle in handles:
            handle.remove()
    layer, result = ran[-1] if ran else (None, None)
    shown = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if layer is None or shown != [shape[0], _outputs(layer)]:
        raise ValueError(f"{arch} does not end in a classifier: for {shape[0]} images its output is {shown}")
    return layers[layer], layer, outputs is result


def _shapes_only(network: nn.Module, shape: Sequence[int]) -> Any:
    """The outputs on the meta device, or None where that does not work, whatever the reason."""
    held = itertools.chain(network.named_parameters(), network.named_buffers())
    weights = {name: value.to("meta") for name, value in held}
    try:
        # With gradients: without them torch's attention takes a path of its own that has no shapes-only form.
        with torch.enable_grad():
            return functional_call(network, weights, (torch.empty(tuple(shape), device="meta"),))
    except Exception:
        return None  # images that do not fit too: the computation will say so in its own words


def _computed(arch: str, network: nn.Module, shape: Sequence[int]) -> Any:
    device = next(network.parameters()).device
    try:
        with torch.no_grad():
            return network(torch.zeros(tuple(shape), device=device))
    except (RuntimeError, ValueError, AssertionError) as error:
        height, width = shape[2:]
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{arch} cannot take images of {height}x{width} pixels: {reason}") from error
