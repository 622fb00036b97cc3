"""How `toolkit predict` reads images for a model that was trained on images. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from torch import Tensor

from toolkit_vision.images import SUFFIXES, checked_size, covering, opened, rgb, to_tensor


class ImageReader:
    """An image is one sample: uint8 `(channels, height, width)`, upright.

    Arguments:
        facts: of the dataset: `in_channels`, 1 for grey or 3 for RGB, and, where all its images have one, `image_size`,
            to which every image is resized and centre-cropped.

    Raises:
        ValueError: another number of channels.
    """

    suffixes = SUFFIXES

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.channels: int = facts["in_channels"]
        size = facts.get("image_size")
        self.size = None if size is None else checked_size(size)
        if self.channels not in (1, 3):
            raise ValueError(f"an image file is read as 1 channel or 3, and this model takes {self.channels}")

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """Raises ValueError where it is no whole image."""
        image = opened(stream.read(), smallest=max(self.size) if self.size else None)
        image = rgb(image) if self.channels == 3 else rgb(image).convert("L")
        yield name, to_tensor(covering(image, self.size) if self.size else image)
