"""Rectangles of a random area and shape. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ATTEMPTS = 10
"""As many as torchvision makes to find a rectangle that fits. All are drawn at once."""


def random_rectangles(
    count: int, size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Heights and widths of rectangles that fit into an image, in whole pixels, and which of them were found.

    Arguments:
        count: how many.
        size: height and width of the image in pixels.
        scale: least and largest area, as a share of the image's; uniform between them.
        ratio: least and largest width divided by height; its logarithm is uniform.
        device: where they are drawn.

    Returns:
        Heights and widths, `(count,)` floats, and `(count,)` bool that is false where none of the attempts gave one
        that fits; heights and widths mean nothing there.
    """
    height, width = size
    area = torch.empty(ATTEMPTS, count, device=device).uniform_(*scale) * (height * width)
    shape = torch.empty(ATTEMPTS, count, device=device).uniform_(math.log(ratio[0]), math.log(ratio[1])).exp()
    widths, heights = (area * shape).sqrt().round(), (area / shape).sqrt().round()
    fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
    first = fits.int().argmax(0, keepdim=True)  # of equals, argmax takes the first
    return heights.gather(0, first)[0], widths.gather(0, first)[0], fits.any(0)


def random_starts(lengths: Tensor, within: int) -> Tensor:
    """Random places, `(count,)` whole floats, at which stretches of these lengths begin and end in `within` pixels."""
    spare = within - lengths
    return torch.minimum((torch.rand_like(lengths) * (spare + 1)).floor(), spare)


def inside(tops: Tensor, lefts: Tensor, heights: Tensor, widths: Tensor, size: tuple[int, int]) -> Tensor:
    """Which pixels of images of `size` lie in each rectangle, `(count, 1, height, width)` bool; the rest `(count,)`."""
    rows = torch.arange(size[0], device=tops.device).view(1, -1, 1)
    columns = torch.arange(size[1], device=tops.device).view(1, 1, -1)
    tops, lefts, heights, widths = (values.view(-1, 1, 1) for values in (tops, lefts, heights, widths))
    there = (rows >= tops) & (rows < tops + heights) & (columns >= lefts) & (columns < lefts + widths)
    return there.unsqueeze(1)
