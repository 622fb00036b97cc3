"""How samples of datasets that are not tensors are read and put together. Imports torch, not Lightning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import DataLoader, default_collate

from toolkit.data.bad import LeftOut


@dataclass(frozen=True, slots=True)
class Reading:
    """What all loaders need that read samples one by one."""

    split: str
    workers: int = 0
    collate: Callable[[list[Any]], Any] | None = None
    pin_memory: bool = False
    left_out: LeftOut | None = None
    """Where a sample that cannot be read is noted when it is left out; None where it stops the run."""
    note: Callable[[str], None] = field(default=lambda text: None)
    """Told what the user should know of how this split is read."""

    def loader(self, dataset: Any, *, workers: int, **arguments: Any) -> DataLoader[Any]:
        """A torch DataLoader for one epoch, that takes what `dataset` gives for finished batches."""
        return DataLoader(
            dataset,
            batch_size=None,
            collate_fn=_unchanged,
            num_workers=workers,
            pin_memory=self.pin_memory,
            # Without a generator of its own the DataLoader draws from torch's global one, once an epoch: the model's
            # dropout would then depend on how often a loader was opened.
            generator=torch.Generator(),
            **arguments,
        )


class Collate:
    """Collates a list of samples; what a dataset's `__getitems__` made into a batch already is left as it is.

    A class, not a closure: workers that are started by spawning must be able to pickle it.
    """

    def __init__(self, collate: Callable[[list[Any]], Any] | None) -> None:
        self._collate = collate or default_collate

    def __call__(self, samples: Any) -> Any:
        return self._collate(samples) if isinstance(samples, list) else samples


def _unchanged(batch: Any) -> Any:
    return batch
