"""Looks at one batch of a LightningDataModule, whose batches may be anything. Imports torch and Lightning."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningDataModule


def holds_tensors(data: LightningDataModule) -> bool:
    """Whether the first training batch holds a tensor, or something else that Lightning moves to a device.

    As transforms would see it, after the module's own hooks. True where there is no batch to look at.

    Args:
        data: set up for ``fit``.
    """
    try:
        batches = list(_first_batches(data))
    except Exception:
        # The author's code, which may need the trainer that it has in a run. What is wrong with it will be told there.
        return True
    return not batches or any(map(_has_tensor, batches))


def _first_batches(data: LightningDataModule) -> Iterator[Any]:
    for loader in loaders_in(data.train_dataloader()):
        for batch in loader:
            batch = data.on_before_batch_transfer(batch, 0)
            batch = data.transfer_batch_to_device(batch, torch.device("cpu"), 0)
            yield data.on_after_batch_transfer(batch, 0)
            break


def loaders_in(found: Any) -> Iterator[Any]:
    """The loaders that a module returned: one, or several in lists and mappings."""
    if isinstance(found, (Mapping, list, tuple)):
        for child in found.values() if isinstance(found, Mapping) else found:
            yield from loaders_in(child)
    else:
        yield found


def _has_tensor(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_tensor, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_tensor, value))
    if dataclasses.is_dataclass(value):
        return any(_has_tensor(getattr(value, each.name)) for each in dataclasses.fields(value))
    # Tensors have it, and what else Lightning moves: packed sequences, graphs, a tokenizer's encodings.
    return hasattr(value, "to")
