"""Tensors in the tuples, lists and mappings that batches and outputs are. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of a value, in order; what is no tensor is passed over."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (Mapping, tuple, list)):
        for child in value.values() if isinstance(value, Mapping) else value:
            yield from tensors_in(child)


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same dicts, tuples and lists with something in the place of each tensor, in the order of `tensors_in`."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(child, change) for key, child in value.items()}
    if isinstance(value, (tuple, list)):
        children = [mapped(child, change) for child in value]
        return children if isinstance(value, list) else tuple(children)
    return value
