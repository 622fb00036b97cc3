"""Batches of samples of similar length, so that texts and other sequences are padded little.

Imports torch and, to know a LightningDataModule, Lightning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from toolkit.data.disk import OnDisk
from toolkit.data.order import Order, Plan, mixed_seed
from toolkit.data.splits import Splits, is_stream, tensors_of
from toolkit.errors import RequestError

STRETCH = 32
"""So many steps' samples are sorted together. More would pad less and make the batches of all epochs alike."""


def lengths_of(name: str, split: Any) -> Tensor | None:
    """The attribute `lengths` of a split as int64 `(samples,)`; None where it has none.

    Raises:
        RequestError: it is not one whole number for every sample.
    """
    stated = getattr(split, "lengths", None)
    if stated is None:
        return None
    try:
        lengths = torch.as_tensor(stated)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        lengths = None
    if lengths is None or lengths.dim() != 1 or lengths.dtype in _NO_NUMBERS or lengths.is_floating_point():
        raise RequestError(
            f"dataset: the split {name!r} has `lengths` that are not whole numbers; it is a list or a tensor of ints, "
            "one for each sample, or absent"
        )
    if len(lengths) != len(split):
        raise RequestError(f"dataset: the split {name!r} has {len(lengths)} `lengths` for {len(split)} samples")
    return lengths.to("cpu", torch.int64)


_NO_NUMBERS = (torch.bool, torch.complex64, torch.complex128)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLength(Order):
    """An order in which the samples of a step are of similar length."""

    lengths: Tensor
    """Of the samples, `(samples,)`."""
    together: int
    """Samples in a step of all processes together."""

    def of(self, samples: int) -> Tensor:
        if not self.shuffle:
            return self.lengths.argsort(stable=True)
        return bucketed(self.lengths, self.together, self.seed, self.epoch())


def by_length(order: Order, lengths: Tensor, plan: Plan) -> ByLength:
    """An order of the same epochs in which the samples of every step of a plan are of similar length."""
    together = plan.batch_size * plan.process.world_size
    return ByLength(order.shuffle, order.seed, order.trainer_epoch, order.position, lengths=lengths, together=together)


def bucketed(lengths: Tensor, together: int, seed: int, epoch: int) -> Tensor:
    """The order of a training epoch, `(samples,)`: a permutation that depends on lengths, seed and epoch only.

    All samples are shuffled and cut into stretches of `STRETCH` steps; each is sorted by length and cut into steps, and
    the steps of the epoch are shuffled. The step that is not full is the last one, and of any length.

    Args:
        lengths: of the samples, `(samples,)`.
        together: samples in a step.
        seed: the run's seed.
        epoch: the epoch.
    """
    generator = torch.Generator().manual_seed(mixed_seed("buckets", seed, epoch))
    order = torch.randperm(len(lengths), generator=generator)
    whole, left = divmod(len(lengths), together)
    stretches = max(1, -(-whole // STRETCH))
    # As equal as they can be: the last is not to be so short that sorting does nothing for it.
    ends = [whole * number // stretches * together for number in range(1, stretches)]
    parts = [part[lengths[part].argsort(stable=True)] for part in order.tensor_split(ends)]
    # Where in its stretch the step that is not full is cut out; at the end it would always have the longest samples.
    steps = len(parts[-1]) // together
    start = together * int(torch.randint(steps + 1, (), generator=generator))
    last = parts[-1][start : start + left]
    parts[-1] = torch.cat((parts[-1][:start], parts[-1][start + left :]))
    full = torch.cat(parts).view(whole, together)
    return torch.cat((full[torch.randperm(whole, generator=generator)].flatten(), last))


def with_some(data: Any, name: str, chosen: slice) -> Any:
    """The data with some samples of one split alone, such as its longest.

    Args:
        data: what a dataset component returned; as it is where its batches are not made by lengths.
        name: of the split.
        chosen: which samples, of all in the order of their lengths, the longest first.
    """
    split = getattr(data, name, None)
    if isinstance(data, LightningDataModule) or split is None or is_stream(split) or tensors_of(split) is not None:
        return data
    lengths = None if isinstance(split, OnDisk) else lengths_of(name, split)
    if lengths is None:
        return data
    some: dict[str, Any] = {name: _Some(split, lengths.argsort(descending=True)[chosen].tolist())}
    return Splits(**some, collate=getattr(data, "collate", None))


class _Some:
    """Some samples of a map-style split."""

    def __init__(self, split: Any, indices: list[int]) -> None:
        self._split, self._indices = split, indices
        if hasattr(split, "__getitems__"):
            self.__getitems__ = lambda numbers: split.__getitems__([indices[number] for number in numbers])

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, number: int) -> Any:
        return self._split[self._indices[number]]
