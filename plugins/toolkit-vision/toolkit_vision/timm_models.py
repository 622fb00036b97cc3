"""timm's networks by name. Imports torch, and timm when a network is built; nothing of the toolkit."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

from toolkit_vision.pretrained import ZooClassifier, channels_of_network, no_such_model, refuse_channels


class Timm(ZooClassifier):
    """A network of timm: `{use: timm, arch: convnext_tiny.fb_in22k, pretrained: true}`.

    Images are normalised in here as the weights want them: give none that are normalised already. Without weights they
    stay as they are. The last layer is a new one, with random weights, where the weights' classes are not as many as
    the data's.

    Images of one channel are taken for grey ones, and given to all three channels. Other channels than 1 and 3 are
    taken without pretrained weights only.

    Input size: networks that take images of one size are built for that of the data, and timm interpolates what depends
    on it in pretrained weights. All others take images of any size that is not too small.

    Its parts are `backbone`, with timm's names inside, and `head`, the last layer.

    Needs timm: `pip install 'toolkit-vision[timm]'`.

    Arguments:
        arch: its name in timm, with or without the weights' name after a dot; `timm.list_models()` lists them.
        num_classes: length of the output.
        in_channels: channels of the images.
        image_size: height and width of the images in pixels; those of the weights when None.
        pretrained: whether to begin with pretrained weights, which are downloaded.
        options: further arguments of timm's function of this name, such as `{drop_path_rate: 0.1}`.

    Raises:
        ModuleNotFoundError: timm is not installed.
        ValueError: there is no such network, or it cannot take such images.
    """

    def __init__(
        self,
        arch: str,
        num_classes: int,
        in_channels: int = 3,
        image_size: Sequence[int] | None = None,
        pretrained: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        timm = _timm()
        if not timm.is_model(arch):
            raise no_such_model("timm", arch, timm.list_models())
        if pretrained:
            refuse_channels(arch, in_channels, "leave `pretrained` out")
        known = timm.get_pretrained_cfg(arch)
        sized = {"img_size": tuple(image_size)} if image_size and known and known.fixed_input_size else {}
        network = timm.create_model(
            arch,
            pretrained=pretrained,
            num_classes=num_classes,
            in_chans=channels_of_network(in_channels),
            **sized,
            **(options or {}),
        )
        config = network.pretrained_cfg
        if image_size is None and config.get("input_size"):
            image_size = config["input_size"][1:]
        mean, std = (config["mean"], config["std"]) if pretrained else (None, None)
        super().__init__(arch, network, num_classes, in_channels, image_size, mean, std)

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network without pretrained weights, which a checkpoint will replace; nothing is downloaded."""
        return cls(**{**arguments, "pretrained": False})


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise
        raise ModuleNotFoundError("timm is not installed: pip install 'toolkit-vision[timm]'", name="timm") from None
