"""What the datasets here return, how a split is cut off, and stand-ins. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Tensors = tuple[Tensor, Tensor]
"""Images `(samples, channels, height, width)` uint8 and targets `(samples,)` int64."""


@dataclass(frozen=True)
class Splits:
    """A dataset in the shape that the toolkit asks for.

    A split is `Tensors`, or a map-style dataset of samples `(image, target)`; None where there is no such split.
    """

    train: Any
    val: Any
    test: Any
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


def share_of(samples: int, share: float, name: str) -> int:
    """Of `samples` the number that `share` of them is, at least one; 0 for a share of 0.

    Raises:
        ValueError: the share, an argument called `name`, is none, or leaves no sample.
    """
    size = max(1, round(share * samples)) if share else 0
    if not 0 <= share < 1 or size >= max(samples, 1):
        raise ValueError(f"{name}={share}: a share of {samples} samples, from 0 to below 1, that leaves one at least")
    return size


def with_validation(train: Tensors, val_size: int, seed: int) -> tuple[Tensors, Tensors | None]:
    """The training images without `val_size` of them, of every class the same share, and those; None for 0.

    Raises:
        ValueError: there are not as many.
    """
    samples = len(train[1])
    if not 0 <= val_size < samples:
        raise ValueError(f"val_size={val_size}: of {samples} training images, 0 to {samples - 1} can be set aside")
    if not val_size:
        return train, None
    rest, cut = stratified(train[1], val_size, seed)
    return take(train, rest), take(train, cut)


def noise(samples: int, image_size: Sequence[int], channels: int, classes: int, generator: torch.Generator) -> Tensors:
    """Samples of noise, for a stand-in: images `(samples, channels, height, width)` uint8, and targets."""
    images = torch.randint(0, 256, (samples, channels, *image_size), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, classes, (samples,), generator=generator)


def stand_in(facts: Mapping[str, Any], seed: int) -> Splits:
    """A few samples of noise in place of a dataset of classes, with the shapes that its facts tell."""
    generator = torch.Generator().manual_seed(seed)

    def samples(count: int) -> Tensors:
        return noise(count, facts["image_size"], facts["in_channels"], facts["num_classes"], generator)

    return Splits(samples(32), samples(16), samples(16), facts)


def image_facts(class_names: Sequence[str], image_size: Sequence[int], in_channels: int = 3) -> dict[str, Any]:
    """What a dataset of images, each of one class, knows about itself."""
    return {
        "task": "multiclass",
        "num_classes": len(class_names),
        "class_names": list(class_names),
        "in_channels": in_channels,
        "image_size": list(image_size),
    }


def take(data: Tensors, index: Tensor) -> Tensors:
    """The samples of `data` at `index`, shape `(samples,)`."""
    images, targets = data
    return images[index], targets[index]
