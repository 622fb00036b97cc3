"""What the datasets here return, and how a split is cut off. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from toolkit_speech.notes import counted

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Splits:
    """A dataset in the shape that the toolkit asks for."""

    train: Any
    val: Any
    test: Any
    facts: Mapping[str, Any]
    run_files: Mapping[str, bytes] = field(default_factory=dict)
    """What the run keeps, by the names of files: the alphabet."""
    collate: Callable[[list[Any]], Any] | None = None
    """Makes a batch of a list of samples."""


def class_facts(class_names: Sequence[str], sample_rate: int) -> dict[str, Any]:
    """What a dataset of sounds, each of one class, knows about itself."""
    return {
        "task": "multiclass",
        "num_classes": len(class_names),
        "class_names": list(class_names),
        "sample_rate": sample_rate,
    }


def share_of(samples: int, share: float, name: str) -> int:
    """Of `samples` the number that `share` of them is, at least one; 0 for a share of 0.

    Raises:
        ValueError: the share, an argument called `name`, is none, or leaves no sample.
    """
    size = max(1, round(share * samples)) if share else 0
    if not 0 <= share < 1 or size >= max(samples, 1):
        raise ValueError(
            f"{name}={share}: a share of {counted(samples, 'recording')}, from 0 to below 1, that leaves one"
        )
    return size


def stratified(targets: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Cut `size` samples off, of every class the same share.

    Arguments:
        targets: class of every sample, shape `(samples,)`; all 0 where there are no classes.
        size: number of samples to cut off.
        seed: which samples; the same seed gives the same ones on every machine.

    Returns:
        Indices of the samples that are left, shape `(samples - size,)`, and of those cut off, shape `(size,)`; both in
        rising order.
    """
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    # Every sample's place in its class as a share of the class: the smallest shares of all classes together are `size`
    # samples exactly, and as many of each class as its share demands, to within one.
    share = torch.empty(len(targets), dtype=torch.float64)
    for target in sorted(set(targets.tolist())):
        members = order[targets[order] == target]
        share[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    ranked = share.argsort(stable=True)
    return ranked[size:].sort().values, ranked[:size].sort().values
