"""What the datasets here return, and how a validation split is cut off. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Tensors = tuple[Tensor, Tensor]
"""Images `(samples, channels, height, width)` uint8 and targets `(samples,)` int64."""


@dataclass(frozen=True)
class Splits:
    """A dataset of images in memory, in the shape that the toolkit asks for."""

    train: Tensors
    val: Tensors | None
    test: Tensors
    facts: Mapping[str, Any]


def stratified(targets: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Cut `size` samples off, of every class the same share.

    Arguments:
        targets: class of every sample, shape `(samples,)`.
        size: number of samples to cut off.
        seed: which samples; the same seed gives the same ones on every machine.

    Returns:
        Indices of the samples that are left, shape `(samples - size,)`, and of those cut off, shape `(size,)`; both
        in rising order.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(targets), generator=generator)
    # Every sample's place in its class as a share of the class: the smallest shares of all classes together are
    # `size` samples exactly, and as many of each class as its share demands, to within one.
    share = torch.empty(len(targets), dtype=torch.float64)
    for target in range(int(targets.max()) + 1):
        members = order[targets[order] == target]
        share[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    ranked = share.argsort(stable=True)
    return ranked[size:].sort().values, ranked[:size].sort().values


def take(data: Tensors, index: Tensor) -> Tensors:
    """The samples of `data` at `index`, shape `(samples,)`."""
    images, targets = data
    return images[index], targets[index]
