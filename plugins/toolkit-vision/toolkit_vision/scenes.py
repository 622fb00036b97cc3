"""Scenes composed from the real handwritten digits, with exact boxes and masks.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from toolkit_vision.digits import digits
from toolkit_vision.reader import ImageReader

SIZES = (0.19, 0.45)
"""Height of a digit's 8x8 field as a share of the scene's side, from the smallest to the largest."""
ASPECTS = (0.8, 1.25)
"""Width of the field divided by its height."""
INK = 0.4
"""From this opacity on a pixel belongs to a digit; what is fainter is its soft edge."""
OVERLAP = 0.05
"""So much of the smaller of two fields may lie in the other."""
TRIES = 12
"""So many places are tried for a digit; where none is free enough, the scene has one digit less."""
BLOCK = 100
"""So many scenes are composed at once: all 2,000 take twice as long with 96x96 pixels in colour."""
PIECES = 4
"""Pieces of other digits in the background, of 3x3 of their pixels each."""


@dataclass(frozen=True)
class Scenes:
    """The splits of composed scenes, in memory."""

    train: dict[str, Tensor] | tuple[Tensor, Tensor]
    val: dict[str, Tensor] | tuple[Tensor, Tensor]
    test: dict[str, Tensor] | tuple[Tensor, Tensor]
    facts: Mapping[str, Any]


def digit_scenes(
    target: Literal["boxes", "masks"] = "boxes",
    size: int = 64,
    channels: int = 1,
    most: int = 5,
    train_scenes: int = 2000,
    val_scenes: int = 400,
    test_scenes: int = 400,
    scene_seed: int = 0,
) -> Scenes:
    """Scenes of one to five handwritten digits each, for detection and segmentation; made in memory in a second or two.

    The digits are those of the dataset `digits`, and its splits are kept: a test scene shows test digits only. They are
    scaled, each by factors of its own, and placed with next to no overlap on a background with a gradient, noise, and
    pieces of other digits of the same split. A box is the tightest around the pixels where its digit covers at least
    0.4 of the background; masks hold the same pixels, and where two digits meet, the stronger ink.

    Images are `(scenes, channels, size, size)` uint8. With `target: boxes` a split is a dict of `images`; `boxes`
    `(scenes, most, 4)` float32, x1 y1 x2 y2 in pixels; `labels` `(scenes, most)` int64, the digit, -1 where there is no
    box; and `masks` `(scenes, size, size)` uint8. With `target: masks` it is the pair of images and masks, 0 for the
    background and 1 to 10 for the digits 0 to 9.

    Facts: `num_classes` 10 and `class_names` "0" to "9", with masks 11, "background" before them, and `task`
    multiclass; `in_channels`, `image_size`.

    Arguments:
        target: what is to be predicted.
        size: side of a scene in pixels.
        channels: 1 for grey scenes, 3 for coloured ones.
        most: how many digits a scene has at most.
        train_scenes: number of scenes to train on.
        val_scenes: number of scenes to validate on.
        test_scenes: number of scenes to test on.
        scene_seed: which scenes; the same seed gives the same ones. Results with different ones cannot be compared.

    Raises:
        ValueError: `channels` is neither 1 nor 3, or a number is too small.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels={channels}: scenes are grey (1) or coloured (3)")
    if size < 32 or most < 1 or min(train_scenes, val_scenes, test_scenes) < 1:
        raise ValueError("a scene has a side of at least 32 pixels and at least one digit, a split at least one scene")
    source = digits()
    assert source.val is not None

    def made(place: int, split: tuple[Tensor, Tensor], count: int) -> dict[str, Tensor]:
        # A stream of its own for each split, so that the size of one does not change the scenes of another.
        generator = torch.Generator().manual_seed(4 * scene_seed + place)
        return compose(split[0], split[1], count, size, channels, most, generator)

    train, val = made(0, source.train, train_scenes), made(1, source.val, val_scenes)
    test = made(2, source.test, test_scenes)
    names = source.facts["class_names"]
    common = {"in_channels": channels, "image_size": [size, size]}
    if target == "boxes":
        return Scenes(train, val, test, {"num_classes": len(names), "class_names": names, **common})
    facts = {"task": "multiclass", "num_classes": len(names) + 1, "class_names": ["background", *names], **common}
    return Scenes(_pair(train), _pair(val), _pair(test), facts)


def _pair(scenes: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return scenes["images"], scenes["masks"]


def compose(
    images: Tensor, targets: Tensor, count: int, size: int, channels: int, most: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Scenes of the given digits.

    Arguments:
        images: digits to choose from, `(digits, 1, 8, 8)` uint8.
        targets: which digits they are, `(digits,)`.
        count: number of scenes.
        size: side of a scene in pixels.
        channels: 1 or 3.
        most: digits in a scene at most.
        generator: draws all that is random.

    Returns:
        `images`, `boxes`, `labels` and `masks`, as `digit_scenes` describes them.
    """
    blocks = [
        _block(images, targets, min(BLOCK, count - first), size, channels, most, generator)
        for first in range(0, count, BLOCK)
    ]
    return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}


def _block(
    images: Tensor, targets: Tensor, count: int, size: int, channels: int, most: int, generator: torch.Generator
) -> dict[str, Tensor]:
    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    ink = images[:, 0].float() / 255
    canvas = _background(count, size, channels, generator)
    for _ in range(PIECES):
        chosen = torch.randint(len(ink), (count,), generator=generator)
        piece = ink[chosen] * _windows(count, generator)
        opacity = _drawn(piece, _fields(count, 1, size, generator)[:, 0], size)
        canvas = _over(canvas, opacity, uniform(count, channels, low=0.5, high=1.0))

    wanted = torch.randint(1, most + 1, (count,), generator=generator)
    fields = torch.full((count, most, 4), -1e4)
    boxes = torch.zeros(count, most, 4)
    labels = torch.full((count, most), -1)
    masks = torch.zeros(count, size, size, dtype=torch.uint8)
    strongest = torch.zeros(count, size, size)
    for slot in range(most):
        chosen = torch.randint(len(ink), (count,), generator=generator)
        proposed = _fields(count, TRIES, size, generator)
        free = (_overlap(proposed, fields[:, :slot]) <= OVERLAP) & (wanted > slot)[:, None]
        first = free.int().argmax(1)
        field = proposed[torch.arange(count), first]
        colour = uniform(count, channels, low=0.65, high=1.0)
        opacity = _drawn(ink[chosen], field, size)
        own = opacity >= INK
        there = free.any(1) & own.flatten(1).any(1)
        opacity, own = opacity * there[:, None, None], own & there[:, None, None]
        canvas = _over(canvas, opacity, colour)
        fields[:, slot] = torch.where(there[:, None], field, fields[:, slot])
        boxes[:, slot] = torch.where(there[:, None], _bounds(own), boxes[:, slot])
        labels[:, slot] = torch.where(there, targets[chosen], -1)
        shown = own & (opacity > strongest)
        masks = torch.where(shown, (targets[chosen] + 1).to(torch.uint8)[:, None, None], masks)
        strongest = torch.maximum(strongest, opacity)
    canvas += torch.randn(canvas.shape, generator=generator) * uniform(count, 1, 1, 1, high=0.06)
    order = (labels < 0).int().argsort(dim=1, stable=True)
    return {
        "images": (canvas.clamp(0, 1) * 255).round().to(torch.uint8),
        "boxes": boxes.gather(1, order[:, :, None].expand(-1, -1, 4)),
        "labels": labels.gather(1, order),
        "masks": masks,
    }


def _background(count: int, size: int, channels: int, generator: torch.Generator) -> Tensor:
    """A grey or colour of its own for each scene, with a gradient: `(scenes, channels, size, size)`."""
    level = torch.rand(count, channels, 1, 1, generator=generator) * 0.35
    slope = (torch.rand(count, 2, 1, 1, 1, generator=generator) - 0.5) * 0.3
    across = torch.linspace(-0.5, 0.5, size)
    return level + slope[:, 0] * across + slope[:, 1] * across[:, None]


def _windows(count: int, generator: torch.Generator) -> Tensor:
    """3x3 ones at a random place of 8x8 zeros: `(count, 8, 8)`."""
    corner = torch.randint(0, 6, (count, 2, 1), generator=generator)
    pixels = torch.arange(8)
    inside = (pixels >= corner) & (pixels < corner + 3)
    return (inside[:, 0, :, None] & inside[:, 1, None, :]).float()


def _fields(count: int, tries: int, size: int, generator: torch.Generator) -> Tensor:
    """Places for digits anywhere in their scenes, `(count, tries, 4)`, x1 y1 x2 y2 in pixels."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, tries, generator=generator) * (high - low) + low

    height = uniform(*SIZES) * size
    width = height * uniform(*ASPECTS)
    left, top = uniform(0, 1) * (size - width), uniform(0, 1) * (size - height)
    return torch.stack((left, top, left + width, top + height), dim=2)


def _overlap(proposed: Tensor, placed: Tensor) -> Tensor:
    """How much of the smaller field lies in the other, at worst: `(scenes, tries)`.

    Arguments:
        proposed: `(scenes, tries, 4)`.
        placed: `(scenes, fields, 4)`; a field of no extent overlaps with nothing.
    """
    if not placed.shape[1]:
        return torch.zeros(proposed.shape[:2])
    one, other = proposed[:, :, None], placed[:, None]
    sides = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp_min(0)
    areas = torch.minimum((one[..., 2:] - one[..., :2]).prod(-1), (other[..., 2:] - other[..., :2]).prod(-1))
    return (sides.prod(-1) / areas.clamp_min(1e-6)).amax(2)


def _drawn(ink: Tensor, fields: Tensor, size: int) -> Tensor:
    """Opacity of digits that are scaled bilinearly to their fields: `(scenes, size, size)`.

    Arguments:
        ink: `(scenes, 8, 8)`, 0 to 1.
        fields: where each goes, `(scenes, 4)`, x1 y1 x2 y2 in pixels.
        size: side of a scene in pixels.
    """
    cells = ink.shape[-1]
    centres = torch.arange(size) + 0.5

    def weights(start: Tensor, stop: Tensor) -> Tensor:
        """How much each cell adds to each pixel along one side: `(scenes, size, 8)`."""
        place = (centres - start[:, None]) / (stop - start)[:, None] * cells - 0.5
        return (1 - (place[:, :, None] - torch.arange(cells)).abs()).clamp_min(0)

    # Bilinear scaling along the axes is a product with one matrix from each side.
    rows, columns = weights(fields[:, 1], fields[:, 3]), weights(fields[:, 0], fields[:, 2])
    return rows @ ink @ columns.transpose(1, 2)


def _over(canvas: Tensor, opacity: Tensor, colour: Tensor) -> Tensor:
    """A colour `(scenes, channels)` laid over a canvas with the opacity `(scenes, size, size)`."""
    return canvas + opacity[:, None] * (colour[:, :, None, None] - canvas)


def _bounds(own: Tensor) -> Tensor:
    """The tightest box around the true pixels of `(scenes, size, size)`: `(scenes, 4)`, x1 y1 x2 y2 in pixels."""
    sides = []
    for line in (own.any(1), own.any(2)):
        first, last = line.int().argmax(1), line.shape[1] - line.int().flip(1).argmax(1)
        sides.append((first, last))
    (left, right), (top, bottom) = sides
    return torch.stack((left, top, right, bottom), dim=1).float()


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
digit_scenes.reader = ImageReader  # type: ignore[attr-defined]
