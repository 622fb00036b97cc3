"""The rows of a batch, whatever it is made of, and whether two results are the same. Imports torch.

A row is an entry of the first dimension of every tensor, and of every list of texts, or of mappings. A list of tensors
is a batch in parts, as torch's own collation makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from toolkit.testing.check import Broken

RTOL, ATOL = 1e-3, 1e-4
"""How far apart two results of float32 may be that were added up in another order."""


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """What lies in tuples, lists, mappings and dataclasses at any depth, with where it lies."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from leaves(child, f"{at}[{key!r}]")
    elif isinstance(value, (tuple, list)):
        for index, child in enumerate(value):
            yield from leaves(child, f"{at}[{index}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from leaves(getattr(value, each.name), f"{at}.{each.name}")
    else:
        yield at, value


def tensors(value: Any) -> list[Tensor]:
    """The tensors of a value, at any depth."""
    return [leaf for _, leaf in leaves(value) if isinstance(leaf, Tensor)]


def floats(value: Any) -> list[Tensor]:
    """The tensors of floats of a value, at any depth."""
    return [tensor for tensor in tensors(value) if tensor.is_floating_point() or tensor.is_complex()]


def count(batch: Any) -> int:
    """The number of rows of a batch; 0 where it has none."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else 0
    if _is_of_rows(batch):
        return len(batch)
    children = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (tuple, list)) else ()
    return next((rows for child in children if (rows := count(child))), 0)


def take(value: Any, rows: slice, total: int) -> Any:
    """Some rows of a batch; what has no such rows stays as it is."""
    if isinstance(value, Tensor):
        return value[rows] if value.dim() and len(value) == total else value
    if isinstance(value, list):
        whole = _is_of_rows(value) and len(value) == total
        return value[rows] if whole else [take(child, rows, total) for child in value]
    if isinstance(value, tuple):
        taken = [take(child, rows, total) for child in value]
        return type(value)(*taken) if hasattr(value, "_fields") else tuple(taken)
    if isinstance(value, Mapping):
        return {key: take(child, rows, total) for key, child in value.items()}
    return value


def _is_of_rows(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(child, Tensor) for child in value)


def moved(value: Any, device: str | torch.device) -> Any:
    """The same with all tensors on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, list):
        return [moved(child, device) for child in value]
    if isinstance(value, tuple):
        parts = [moved(child, device) for child in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: moved(child, device) for key, child in value.items()}
    return value


def assert_same(one: Any, other: Any, what: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Raise `Broken`, which begins with ``what``, unless two values hold the same."""
    first, second = dict(leaves(one)), dict(leaves(other))
    if first.keys() != second.keys():
        raise Broken(f"{what}: one has {list(first) or 'nothing'}, the other {list(second) or 'nothing'}")
    for at, value in first.items():
        difference = _difference(value, second[at], rtol, atol)
        if difference:
            raise Broken(f"{what}{f' at {at}' if at else ''}: {difference}")


def same(one: Any, other: Any) -> bool:
    """Whether two values hold exactly the same."""
    try:
        assert_same(one, other, "")
    except Broken:
        return False
    return True


def _difference(value: Any, other: Any, rtol: float, atol: float) -> str:
    """How two leaves differ; empty where they do not."""
    if not isinstance(value, Tensor) or not isinstance(other, Tensor):
        if hasattr(value, "__array__") and hasattr(other, "__array__"):
            return _difference(torch.as_tensor(value), torch.as_tensor(other), rtol, atol)
        if isinstance(value, float) and isinstance(other, float):
            return _difference(torch.tensor(value), torch.tensor(other), rtol, atol)
        # What cannot be compared, such as a function, says nothing.
        plain = (bool, int, str, bytes, type(None))
        return "" if not isinstance(value, plain) or value == other else f"{value!r} is not {other!r}"
    if value.shape != other.shape or value.dtype != other.dtype:
        return f"{_told(value)} is not {_told(other)}"
    if value.is_sparse:
        value, other = value.to_dense(), other.to_dense()
    if value.is_floating_point() or value.is_complex():
        if torch.allclose(value, other, rtol=rtol, atol=atol, equal_nan=True):
            return ""
        return f"numbers differ by up to {(value - other).abs().max().item():.3g}"
    return "" if torch.equal(value, other) else f"{int((value != other).sum())} of {value.numel()} values differ"


def _told(tensor: Tensor) -> str:
    return f"a tensor of {list(tensor.shape)} in {str(tensor.dtype).removeprefix('torch.')}"
