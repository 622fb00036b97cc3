"""The shape of a dataset: `Splits`, what counts as a split, and what is wrong with one that is not.

Imports torch, not Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset

from toolkit.data.disk import OnDisk
from toolkit.data.layout import leaves
from toolkit.errors import RequestError

SPLITS = ("train", "val", "test")

Tensors: TypeAlias = "tuple[Tensor | dict[str, Tensor], ...] | dict[str, Tensor]"
"""A split in memory: tensors with equal first dimension, the samples."""


class SplitsLike(Protocol):
    """What a dataset component returns. A shape, not a base class: any object with these attributes will do."""

    @property
    def train(self) -> Any: ...

    @property
    def val(self) -> Any: ...

    @property
    def test(self) -> Any: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Splits:
    """What a dataset component returns: up to three splits, and what the data knows about itself.

    A convenience. A plugin need not use it: an object with the attributes `train`, `val`, `test` and `facts` is as
    good, and `collate` may be absent.

    A split is one of

    - a tuple or a dict of tensors with equal first dimension, one entry per sample (`(inputs, targets)` with shapes
      `(samples, ...)`): loaded by whole batches, in the dtype it has (uint8 stays uint8). An entry of the tuple may be
      a dict of tensors: `({"user": users, "item": items}, targets)`;
    - `toolkit.data.OnDisk`: arrays in files that may be larger than memory, read in shuffled blocks;
    - a map-style dataset, an object with `__len__` and `__getitem__`. With `__getitems__(indices)` a whole batch is
      asked for at once; if that returns a list it is a list of samples and is collated, anything else is taken for
      the finished batch;
    - an iterable dataset, an object with `__iter__` that yields samples. See `toolkit.data.streams.StreamLoader` for
      how it is divided over processes.
    """

    train: Any = None
    """Split to train on."""
    val: Any = None
    """Split to choose on: the best checkpoint, hyperparameters."""
    test: Any = None
    """Split to report on, used once."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the data knows about itself, such as `{"num_classes": 10}`; fills parameters of those names."""
    collate: Callable[[list[Any]], Any] | None = None
    """Makes a batch from a list of samples; torch's own collation when None. Not used for tensors and arrays."""
    run_files: Mapping[str, bytes] = field(default_factory=dict)
    """What the run keeps in its folder, by plain names of files: a tokenizer that was trained on the data."""
    text_of: Callable[[Any], str] | None = None
    """How the inputs of one sample read, such as tokens `(length,)`: for tables of mistakes."""


def tensors_of(split: Any) -> Tensors | None:
    """The tensors of a split that lies in memory, or None for any other split."""
    if isinstance(split, TensorDataset):
        return tuple(split.tensors)
    if isinstance(split, tuple) and any(isinstance(part, Tensor) for part in split):
        return tuple(dict(part) if isinstance(part, Mapping) else part for part in split)
    if isinstance(split, Mapping) and any(isinstance(part, Tensor) for part in split.values()):
        return dict(split)
    return None


def is_stream(split: Any) -> bool:
    """Whether a split can only be read from its beginning to its end."""
    if isinstance(split, IterableDataset):
        return True
    return hasattr(split, "__iter__") and not (hasattr(split, "__getitem__") and hasattr(split, "__len__"))


def check_split(name: str, split: Any) -> None:
    """Raise a RequestError that names the split unless `split` is one of the kinds listed at `Splits`."""
    tensors = tensors_of(split)
    if tensors is not None:
        _check_tensors(name, tensors)
    elif isinstance(split, Tensor):
        raise _wrong(name, "is a bare tensor; return a tuple of tensors, such as (inputs, targets)")
    elif isinstance(split, (str, bytes, bytearray)):
        raise _wrong(name, f"is of type {type(split).__name__}; {_KINDS}")
    elif isinstance(split, tuple) and any(hasattr(part, "__array__") for part in split):
        raise _wrong(name, "holds NumPy arrays; turn them into tensors with torch.from_numpy")
    elif isinstance(split, Mapping):
        raise _wrong(name, "is a mapping without tensors; return a dict of tensors with equal first dimension")
    elif hasattr(split, "__next__"):
        raise _wrong(
            name, f"is an iterator ({type(split).__name__}), which ends for good; return an object with __iter__"
        )
    elif isinstance(split, OnDisk):
        if len(split) == 0:
            raise _wrong(name, _EMPTY)
    elif is_stream(split):
        return
    elif hasattr(split, "__getitem__") and hasattr(split, "__len__"):
        if len(split) == 0:
            raise _wrong(name, _EMPTY)
    else:
        raise _wrong(name, f"is of type {type(split).__name__}; {_KINDS}")


_KINDS = (
    "a split is a tuple or dict of tensors with equal first dimension, toolkit.data.OnDisk, a map-style dataset "
    "(__len__ and __getitem__), an iterable dataset (__iter__), or None"
)
_EMPTY = "is empty; leave it None if there is no such split"


def _check_tensors(name: str, tensors: Tensors) -> None:
    parts = list(leaves(tensors))
    for key, part in parts:
        if not isinstance(part, Tensor):
            raise _wrong(name, f"holds tensors, but its entry {key} is of type {type(part).__name__}")
        if part.dim() == 0:
            raise _wrong(name, f"holds a tensor without a first dimension (entry {key})")
        if part.layout is not torch.strided:
            raise _wrong(name, f"holds a sparse tensor (entry {key}); only dense ones can be loaded by whole batches")
    lengths = [len(part) for _, part in parts]
    if len(set(lengths)) > 1:
        shapes = ", ".join(f"{key}: {tuple(part.shape)}" for key, part in parts)
        raise _wrong(name, f"holds tensors with unequal first dimensions ({shapes}); it must be the samples'")
    if lengths[0] == 0:
        raise _wrong(name, _EMPTY)


def _wrong(name: str, what: str) -> RequestError:
    return RequestError(f"dataset: the split {name!r} {what}")
