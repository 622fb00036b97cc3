"""The operations that augmentation policies choose from, one for each image.

Imports torch, nothing of the toolkit.

There are fourteen, in the order of `KINDS`. Those that move pixels are one matrix per image and one call for all of
them. Of the others, each is called with the images that drew it, so that a batch costs about as much as one operation
on all of its images, and not fourteen. How many drew which is known without waiting for the device because that is
drawn on the CPU; everything else is drawn on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from toolkit_vision.transforms import colour
from toolkit_vision.transforms.affine import Affine
from toolkit_vision.transforms.batches import as_floats

MOVING = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
COLOURING = (
    "identity",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)
KINDS = (*MOVING, *COLOURING)


@dataclass(frozen=True)
class Reach:
    """What the operations do at full strength."""

    shear: float
    """Pixels that a row moves for every pixel it lies below the first."""
    translate: tuple[float, float]
    """Pixels to the right and downwards; the whole number below is taken."""
    rotate: float
    """Degrees against the clock."""
    blend: float
    """How far from 1 the factor of brightness, color, contrast and sharpness is."""
    posterize: int
    """Bits of eight that are left out."""


@dataclass(frozen=True)
class Operations:
    """One operation for every image of a batch."""

    kinds: Tensor
    """Places in `KINDS`, `(batch,)` int64, on the CPU."""
    strength: Tensor
    """From 0 to 1, `(batch,)` floats, on the device of the images."""
    sign: Tensor
    """1 or -1, the direction of operations that have two; `(batch,)` floats, on the device."""
    reach: Reach
    size: Sequence[int]
    """Height and width of the images."""

    def images(self, images: Tensor) -> Tensor:
        floats = as_floats(images)  # in half precision, operations are float32 all the same
        sizes = torch.bincount(self.kinds, minlength=len(KINDS)).tolist()
        order = self._there(self.kinds.argsort(stable=True))
        groups = [sum(sizes[: len(MOVING)]), *sizes[len(MOVING) :]]
        calls: list[Callable[[Tensor, Tensor], Tensor]] = [
            lambda group, at: Affine(self.matrices()[at]).images(group),
            *(getattr(self, f"_{kind}") for kind in COLOURING),
        ]
        ends = list(accumulate(groups, initial=0))
        changed = [
            call(floats[order[begin:end]].float(), order[begin:end])
            for call, (begin, end) in zip(calls, pairwise(ends), strict=True)
            if begin < end
        ]
        return torch.empty_like(floats).index_copy_(0, order, torch.cat(changed).to(floats.dtype))

    def masks(self, masks: Tensor) -> Tensor:
        return Affine(self.matrices()).masks(masks)

    def boxes(self, boxes: Tensor) -> Tensor:
        return Affine(self.matrices()).boxes(boxes)

    def matrices(self) -> Tensor:
        """Where the points of every image go, `(batch, 2, 3)`; nowhere in images whose colours change."""
        kinds = self._there(self.kinds)
        amount = self.strength * self.sign
        height, width = self.size

        def of(kind: str, value: Tensor, otherwise: float = 0.0) -> Tensor:
            return torch.where(kinds == KINDS.index(kind), value, otherwise)

        angle, shear = torch.deg2rad(amount * self.reach.rotate), amount * self.reach.shear
        cos, sin = of("rotate", angle.cos(), 1), of("rotate", angle.sin())
        right, down = ((amount * reach).trunc() for reach in self.reach.translate)
        # Rotated about the middle; sheared from the upper left corner, as PIL does.
        x = of("translate_x", right) + (1 - cos) * (width / 2) - sin * (height / 2)
        y = of("translate_y", down) + (1 - cos) * (height / 2) + sin * (width / 2)
        rows = (cos, sin - of("shear_x", shear), x), (-sin - of("shear_y", shear), cos, y)
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=1)

    def _there(self, on_cpu: Tensor) -> Tensor:
        return on_cpu.to(self.strength.device, non_blocking=True)

    def _factor(self, at: Tensor) -> Tensor:
        return 1 + (self.strength * self.sign)[at] * self.reach.blend

    def _identity(self, images: Tensor, at: Tensor) -> Tensor:
        return images

    def _brightness(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.brightness(images, self._factor(at))

    def _color(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.saturation(images, self._factor(at))

    def _contrast(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.contrast(images, self._factor(at))

    def _sharpness(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.sharpness(images, self._factor(at))

    def _posterize(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.posterize(images, 8 - (self.strength[at] * self.reach.posterize).round())

    def _solarize(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.solarize(images, 1 - self.strength[at])

    def _autocontrast(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.autocontrast(images)

    def _equalize(self, images: Tensor, at: Tensor) -> Tensor:
        return colour.equalize(images)
