"""Takes a batch apart into images and what lies on them, and puts it together again.

Imports torch, nothing of the toolkit.

A batch is ``(images, targets)`` of a classification, ``(images, masks)`` of a segmentation, or the dict of a detection
with ``images``, ``boxes``, ``labels`` and, where there are any, ``masks``:

==========  ==============================  ============================================================
images      (batch, channels, height,       uint8, or floats
            width)
boxes       (batch, most, 4)                floats x1 y1 x2 y2 in pixels from the upper left corner of an
                                            image: the first pixel of a row lies between x 0 and x 1
labels      (batch, most)                   classes of the boxes; -1: there is no box here
masks       (batch, height, width)          classes of the pixels; 255: not looked at
==========  ==============================  ============================================================

Whatever else a dict holds stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

NO_BOX = -1
"""Label of a place in ``boxes`` that holds none."""
IGNORED = 255
"""Class of a mask's pixels that nothing is known of, such as those that come from outside of the image."""


class Geometry(Protocol):
    """One movement of every image of a batch."""

    def images(self, images: Tensor) -> Tensor:
        """The images moved; what comes from outside of them is 0."""

    def masks(self, masks: Tensor) -> Tensor:
        """The masks moved, pixel by pixel without a mean of classes; what comes from outside is `IGNORED`."""

    def boxes(self, boxes: Tensor) -> Tensor:
        """The boxes moved; they may reach out of the image."""


def images_of(batch: Any) -> Tensor:
    """The images of a batch.

    Raises:
        ValueError: the batch holds none.
    """
    images = None
    if isinstance(batch, Mapping):
        images = batch.get("images")
    elif isinstance(batch, (tuple, list)) and len(batch) == 2:
        images = batch[0]
    if not isinstance(images, Tensor):
        raise ValueError(
            f"a batch of images is a pair (images, targets) or a dict with 'images', not a {type(batch).__name__}"
        )
    if images.dim() != 4 or not (images.dtype is torch.uint8 or images.is_floating_point()):
        raise ValueError(
            "images have the shape (batch, channels, height, width), in uint8 or floats; these have "
            f"{list(images.shape)} in {str(images.dtype).removeprefix('torch.')}"
        )
    return images


def with_images(batch: Any, images: Tensor) -> Any:
    """The batch with other images in the place of its own, and with all else that it holds."""
    if isinstance(batch, Mapping):
        return {**batch, "images": images}
    return images, batch[1]


def moved(batch: Any, geometry: Geometry, min_visibility: float = 0.0) -> Any:
    """The batch after a movement of its images, which boxes and masks follow.

    Arguments:
        batch: any of the batches above.
        geometry: the movement.
        min_visibility: boxes are clipped to the image; one of whose area less than this share is left is no box any
            more: its label becomes -1, its coordinates 0.

    Raises:
        ValueError: masks and images are not of one size.
    """
    before = images_of(batch)
    images = geometry.images(before)
    if not isinstance(batch, Mapping):
        targets = batch[1]
        return images, geometry.masks(_checked(targets, before)) if holds_masks(batch) else targets
    changed = {**batch, "images": images}
    if holds_masks(batch):
        changed["masks"] = geometry.masks(_checked(batch["masks"], before))
    if holds_boxes(batch):
        height, width = images.shape[-2:]
        boxes = geometry.boxes(batch["boxes"])
        changed["boxes"], changed["labels"] = _clipped(boxes, batch["labels"], height, width, min_visibility)
    return changed


def holds_masks(batch: Any) -> bool:
    """Whether a batch has a class for every pixel."""
    masks = batch.get("masks") if isinstance(batch, Mapping) else batch[1]
    return isinstance(masks, Tensor) and masks.dim() == 3 and not masks.is_floating_point()


def holds_boxes(batch: Any) -> bool:
    """Whether a batch is one of a detection."""
    return isinstance(batch, Mapping) and "boxes" in batch


def as_floats(images: Tensor) -> Tensor:
    """uint8 images as float32 from 0 to 1; floats as they are."""
    return images.to(torch.float32).div_(255) if images.dtype is torch.uint8 else images


def each(values: Tensor) -> Tensor:
    """One value per sample, ``(batch,)``, in a shape that goes with images: ``(batch, 1, 1, 1)``."""
    return values.view(-1, 1, 1, 1)


def _checked(masks: Tensor, images: Tensor) -> Tensor:
    if masks.shape[-2:] != images.shape[-2:]:
        sizes = ["x".join(map(str, part.shape[-2:])) for part in (masks, images)]
        raise ValueError(f"the masks are {sizes[0]}, but the images {sizes[1]}")
    return masks


def _clipped(boxes: Tensor, labels: Tensor, height: int, width: int, min_visibility: float) -> tuple[Tensor, Tensor]:
    columns, rows = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    inside = torch.stack((columns, rows), dim=-1).flatten(-2)
    left, whole = _area(inside), _area(boxes)
    stays = (labels != NO_BOX) & (left > 0) & (left >= min_visibility * whole)
    return torch.where(stays.unsqueeze(-1), inside, 0), torch.where(stays, labels, NO_BOX)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
