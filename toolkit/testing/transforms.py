"""What transforms of batches promise. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.rows import assert_same, count
from toolkit.testing.settings import seed_all
from toolkit.testing.subject import Subject

SEEDS = range(8)
"""A transform that does something at random is tried with several seeds."""
CLASS, IGNORED, NO_BOX = 1, 255, -1
CONTRAST = 0.25
"""How much what a box or a mask holds is to differ from the rest, of the greatest difference in the image."""


def returns_a_batch_of_the_same_form(subject: Subject) -> None:
    """It takes a batch and returns one of the same form, with as many rows: a pair for a pair, a dict with the same
    keys for a dict."""
    batch = subject.batch
    after = _apply(subject, 0, batch)
    expected, found = _form(batch), _form(after)
    if expected != found:
        raise Broken(f"of {expected} it makes {found}")
    if count(after) != count(batch):
        raise Broken(f"of {count(batch)} rows it makes {count(after)}")


def same_seed_gives_the_same_result(subject: Subject) -> None:
    """What is random in it follows torch's generator, which a run seeds and a checkpoint holds."""
    for seed in SEEDS:
        once, again = (_apply(subject, seed, subject.batch) for _ in range(2))
        assert_same(once, again, f"with the seed {seed} it makes something else the second time")


def boxes_and_masks_follow(subject: Subject) -> None:
    """Boxes and masks go where the images go: after a light rectangle was drawn on every image, with its box and mask,
    it still lies in them. (Where the case's batch holds `boxes`, or whole numbers `masks` of the images' size.)"""
    images, has_boxes, has_masks = _pictures(subject.batch)
    for seed in SEEDS:
        batch = _scene(subject.batch, images, has_boxes, has_masks)
        after = _apply(subject, seed, batch)
        shown = _images(after).float().mean(1)
        if has_masks:
            masks = after["masks"] if isinstance(after, Mapping) else after[1]
            if masks.shape[-2:] != shown.shape[-2:]:
                raise Broken(f"the masks are {list(masks.shape[-2:])}, and the images {list(shown.shape[-2:])}")
            for row in range(len(shown)):
                _assert_there(shown[row], masks[row] == CLASS, masks[row] != IGNORED, f"the mask, seed {seed}")
        if has_boxes:
            for row in range(len(shown)):
                if int(after["labels"][row, 0]) != NO_BOX:
                    inside = _inside(after["boxes"][row, 0], shown.shape[-2:])
                    _assert_there(shown[row], inside, torch.ones_like(inside), f"the box, seed {seed}")


CHECKS = (returns_a_batch_of_the_same_form, same_seed_gives_the_same_result, boxes_and_masks_follow)


def _apply(subject: Subject, seed: int, batch: Any) -> Any:
    transform = subject.build()
    seed_all(seed)
    return transform(batch)


def _form(batch: Any) -> str:
    if isinstance(batch, Mapping):
        return f"a dict with {', '.join(sorted(map(str, batch)))}"
    if isinstance(batch, (tuple, list)):
        return f"{len(batch)} parts"
    return f"a {type(batch).__name__}"


def _images(batch: Any) -> Tensor:
    found: Tensor = batch["images"] if isinstance(batch, Mapping) else batch[0]
    return found


def _pictures(batch: Any) -> tuple[Tensor, bool, bool]:
    """The images of a batch, and whether it holds boxes and masks of them. Raises DoesNotApply for neither."""
    pair = isinstance(batch, (tuple, list)) and len(batch) == 2 and isinstance(batch[0], Tensor)
    if not (isinstance(batch, Mapping) and "images" in batch) and not pair:
        raise DoesNotApply("the case's batch is no batch of images")
    images = _images(batch)
    masks = batch.get("masks") if isinstance(batch, Mapping) else batch[1]
    has_boxes = isinstance(batch, Mapping) and "boxes" in batch and "labels" in batch
    has_masks = (
        isinstance(masks, Tensor)
        and not masks.is_floating_point()
        and masks.dim() == 3
        and masks.shape[-2:] == images.shape[-2:]
    )
    if not has_boxes and not has_masks:
        raise DoesNotApply("the case's batch has neither boxes nor masks")
    return images, has_boxes, has_masks


def _scene(batch: Any, images: Tensor, has_boxes: bool, has_masks: bool) -> Any:
    """The batch with a light rectangle on each image, away from the middle, and its box and mask."""
    height, width = images.shape[-2:]
    x1, y1, x2, y2 = width // 8, height // 6, width // 2, height // 2
    drawn = torch.zeros_like(images)
    drawn[..., y1:y2, x1:x2] = 255 if images.dtype is torch.uint8 else 1.0
    masks = torch.zeros(len(images), height, width, dtype=torch.int64)
    masks[:, y1:y2, x1:x2] = CLASS
    if not isinstance(batch, Mapping):
        return drawn, masks
    scene = {**batch, "images": drawn}
    if has_masks:
        scene["masks"] = masks
    if has_boxes:
        scene["boxes"] = torch.zeros_like(batch["boxes"])
        scene["labels"] = torch.full_like(batch["labels"], NO_BOX)
        scene["boxes"][:, 0] = torch.tensor([x1, y1, x2, y2], dtype=scene["boxes"].dtype)
        scene["labels"][:, 0] = CLASS
    return scene


def _inside(box: Tensor, size: Any) -> Tensor:
    """Which pixels of an image have their middle in a box x1 y1 x2 y2, ``(height, width)``."""
    rows, columns = torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5
    x1, y1, x2, y2 = box.tolist()
    inside: Tensor = ((rows > y1) & (rows < y2))[:, None] & ((columns > x1) & (columns < x2))[None]
    return inside


def _assert_there(shown: Tensor, inside: Tensor, looked_at: Tensor, what: str) -> None:
    """Raise `Broken` unless an image is lighter, or darker, where something is said to be."""
    outside = ~inside & looked_at
    # Not the greatest difference: where a transform has made everything black, the borders are left.
    dark, light = shown[looked_at].quantile(torch.tensor([0.04, 0.96]))
    contrast = float(light - dark)
    if not bool(inside.any()) or not bool(outside.any()) or contrast == 0:
        return
    # Lighter or darker: a transform may invert the colours.
    if abs(float(shown[inside].mean() - shown[outside].mean())) < CONTRAST * contrast:
        raise Broken(f"the rectangle has moved away from {what}")
