"""Finds what in a checkpoint would not load again with ``weights_only=True``. Imports torch."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch

from toolkit.errors import RunError

_LEAVES: frozenset[type] = frozenset({torch.Tensor, torch.nn.Parameter, str, int, float, bool, type(None), bytes})
_CONTAINERS: frozenset[type] = frozenset({dict, OrderedDict, list, tuple})


class NotPlain(RunError):
    """A checkpoint holds an object that would not load again; the message names its key."""


def check_plain(checkpoint: Mapping[str, Any]) -> None:
    """Makes sure that a checkpoint holds nothing but what ``torch.load(weights_only=True)`` gives back.

    It is asked before anything is written: a checkpoint that turns out not to load when it is needed is worth nothing.

    Raises:
        NotPlain: with the first key whose value is of another type, such as a NumPy array, a path or a timedelta.
    """
    tried: dict[type, bool] = {}
    found = _first(checkpoint, "", tried)
    if found is None:
        return
    key, value = found
    hint = ""
    if key.startswith("hyper_parameters"):
        hint = " Leave it out: save_hyperparameters(ignore=[...]) in the task or the data module."
    raise NotPlain(
        f"the checkpoint cannot be saved: {key} is a {type(value).__module__}.{type(value).__qualname__}, which would "
        f"not load again. Tensors, numbers, strings, bytes, lists, tuples and dicts do.{hint}"
    )


def _first(value: Any, key: str, tried: dict[type, bool]) -> tuple[str, Any] | None:
    if type(value) in _LEAVES:
        return None
    if type(value) not in _CONTAINERS:
        # Other types that torch lets through (torch.dtype, torch.Size, ...) differ between versions: one is tried.
        if type(value) not in tried:
            tried[type(value)] = _loads(value)
        return None if tried[type(value)] else (key, value)
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, inner in items:
        path = f"{key}.{name}" if key else str(name)
        found = _first(inner, path, tried)
        if found is None and type(name) not in _LEAVES:
            found = _first(name, f"{path} (the key)", tried)
        if found is not None:
            return found
    return None


def _loads(value: Any) -> bool:
    file = io.BytesIO()
    try:
        torch.save(value, file)
        file.seek(0)
        torch.load(file, weights_only=True)
    # Whatever an object's own pickling raises means the same here.
    except (pickle.PickleError, AttributeError, TypeError, ValueError, RuntimeError):
        return False
    return True
