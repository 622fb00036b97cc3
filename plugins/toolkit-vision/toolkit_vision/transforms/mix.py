"""Mixtures of the images of a batch, and of their classes. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit_vision.transforms.arguments import positive, share
from toolkit_vision.transforms.batches import as_floats, each, holds_boxes, holds_masks, images_of
from toolkit_vision.transforms.rectangles import inside


class Mixup:
    """Every image becomes a weighted mean of itself and the one before it in the batch, and its class too.

    From "mixup: Beyond Empirical Risk Minimization" (Zhang et al., 2018). Each image draws a weight of its own, from
    the distribution Beta(alpha, alpha). uint8 images become floats from 0 to 1. Targets, `(batch,)` class numbers or
    `(batch, classes)` shares of a mixture before this one, become shares.

    Arguments:
        num_classes: length of the shares.
        alpha: the larger, the more of the mixtures are half and half; 1 makes all weights as likely.
        p: probability for an image to be mixed.

    Raises:
        ValueError: an argument cannot be, or, at a batch, there are boxes or masks, which cannot be mixed.
    """

    def __init__(self, num_classes: int, alpha: float = 0.2, p: float = 1.0) -> None:
        self.num_classes = num_classes
        self.alpha = positive("alpha", alpha)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Images as floats from 0 to 1 and targets as shares `(batch, num_classes)`."""
        images, targets = _parts(batch, "mixup", self.num_classes)
        weight = _weights(images, self.alpha, self.p)
        return _mean(as_floats(images), each(weight)), _mean(targets, weight.unsqueeze(1))


class CutMix:
    """Every image gets a rectangle from the one before it in the batch, and as large a share of its class.

    From "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features" (Yun et al., 2019).
    Each image draws a rectangle of its own: its share of the area from the distribution Beta(alpha, alpha), its middle
    anywhere; what reaches out of the image is cut off and does not count. uint8 images stay uint8. Targets as in
    `Mixup`.

    Arguments:
        num_classes: length of the shares.
        alpha: the larger, the more of the rectangles are half of the image; 1 makes all areas as likely.
        p: probability for an image to get a rectangle.

    Raises:
        ValueError: an argument cannot be, or, at a batch, there are boxes or masks, which cannot be mixed.
    """

    def __init__(self, num_classes: int, alpha: float = 1.0, p: float = 1.0) -> None:
        self.num_classes = num_classes
        self.alpha = positive("alpha", alpha)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Images in the same shape and dtype, and targets as shares `(batch, num_classes)`."""
        images, targets = _parts(batch, "cutmix", self.num_classes)
        own = _own_pixels(images, _weights(images, self.alpha, self.p))
        weight = own.flatten(1).float().mean(1)
        return torch.where(own, images, _before(images)), _mean(targets, weight.unsqueeze(1))


class MixupCutMix:
    """`Mixup` for about half of the images and `CutMix` for the others: what recipes for ImageNet usually do.

    uint8 images become floats from 0 to 1.

    Arguments:
        num_classes: length of the shares.
        mixup_alpha: see `Mixup`.
        cutmix_alpha: see `CutMix`.
        p: probability for an image to be mixed at all.

    Raises:
        ValueError: an argument cannot be, or, at a batch, there are boxes or masks, which cannot be mixed.
    """

    def __init__(self, num_classes: int, mixup_alpha: float = 0.2, cutmix_alpha: float = 1.0, p: float = 1.0) -> None:
        self.num_classes = num_classes
        self.mixup_alpha = positive("mixup_alpha", mixup_alpha)
        self.cutmix_alpha = positive("cutmix_alpha", cutmix_alpha)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Images as floats from 0 to 1 and targets as shares `(batch, num_classes)`."""
        images, targets = _parts(batch, "mixup_cutmix", self.num_classes)
        mixed = _weights(images, self.mixup_alpha, self.p)
        own = _own_pixels(images, _weights(images, self.cutmix_alpha, self.p))
        cut = torch.rand(len(images), device=images.device) < 0.5
        pixels = torch.where(each(cut), own, each(mixed))
        weight = torch.where(cut, own.flatten(1).float().mean(1), mixed)
        return _mean(as_floats(images), pixels), _mean(targets, weight.unsqueeze(1))


def _parts(batch: Any, name: str, num_classes: int) -> tuple[Tensor, Tensor]:
    """The images, and the targets as shares."""
    images = images_of(batch)
    for held, what in ((holds_boxes(batch), "boxes"), (holds_masks(batch), "masks")):
        if held:
            raise ValueError(f"{name} mixes the classes of whole images, but these come with {what}; remove {name}")
    targets = batch[1]
    if targets.is_floating_point() and targets.shape == (len(images), num_classes):
        return images, targets
    if targets.shape != (len(images),):
        raise ValueError(
            f"{name} takes targets of the shape [{len(images)}], class numbers, or [{len(images)}, {num_classes}], "
            f"shares; these have {list(targets.shape)}"
        )
    shares = torch.zeros(len(images), num_classes, device=images.device)
    return images, shares.scatter_(1, targets.long().unsqueeze(1), 1)


def _weights(images: Tensor, alpha: float, p: float) -> Tensor:
    """How much of itself each image keeps, `(batch,)`; 1 for those that are not mixed."""
    alphas = torch.full((len(images),), float(alpha), device=images.device)
    drawn = torch.distributions.Beta(alphas, alphas, validate_args=False).sample()
    return torch.where(torch.rand_like(drawn) < p, drawn, 1)


def _own_pixels(images: Tensor, weights: Tensor) -> Tensor:
    """Where no rectangle of another image lies, `(batch, 1, height, width)` bool."""
    height, width = images.shape[-2:]
    side = (1 - weights).sqrt()
    heights, widths = (side * height).floor(), (side * width).floor()
    middle_row, middle_column = torch.rand(2, len(weights), device=weights.device)
    tops = (middle_row * height).floor() - (heights / 2).floor()
    lefts = (middle_column * width).floor() - (widths / 2).floor()
    return ~inside(tops, lefts, heights, widths, (height, width))


def _before(values: Tensor) -> Tensor:
    """Those of the image before; the order of a training batch is random already."""
    return values.roll(1, 0)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.to(values.dtype)
    return values * weight + _before(values) * (1 - weight)
