"""What facts say of a dataset, held against each other and against its batches. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from toolkit.testing.rows import tensors

TASKS = ("binary", "multiclass", "multilabel")
TOKENS = ("pad_id", "bos_id", "eos_id")


def contradiction(facts: Mapping[str, Any]) -> str:
    """What facts say that cannot be, whatever the data; empty where nothing does."""
    if "task" in facts and facts["task"] not in TASKS:
        return f"task is {facts['task']!r}; it is {', '.join(TASKS[:-1])} or {TASKS[-1]}"
    names = facts.get("class_names")
    if names is not None and "num_classes" in facts and len(names) != facts["num_classes"]:
        return f"there are {len(names)} class_names and {facts['num_classes']} num_classes"
    for name in TOKENS:
        if name in facts and "vocab_size" in facts and not 0 <= facts[name] < facts["vocab_size"]:
            return f"{name} is {facts[name]}, and there are {facts['vocab_size']} tokens"
    return ""


def untruth(name: str, value: Any, batch: Any, facts: Mapping[str, Any]) -> str:
    """What in a batch contradicts a fact; empty where nothing does, or it says nothing of such batches."""
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2 and tensors(batch[0])):
        return ""
    inputs, targets = batch
    look = _LOOKS.get(name)
    return look(value, inputs, targets, facts) if look else ""


def _num_classes(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if not isinstance(targets, Tensor) or targets.is_floating_point() or facts.get("task") == "multilabel":
        return ""
    # What is not looked at: 255 in masks, negative numbers as torch's losses have them.
    looked_at = targets[(targets >= 0) & (targets != 255)]
    if len(looked_at) and int(looked_at.max()) >= value:
        return f"a target is {int(looked_at.max())}"
    return ""


def _in_channels(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(inputs, Tensor) and inputs.dim() == 4 and inputs.shape[1] != value:
        return f"images have the shape {list(inputs.shape[1:])}"
    return ""


def _image_size(value: Any, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(inputs, Tensor) and inputs.dim() == 4 and list(inputs.shape[2:]) != list(value):
        return f"images have the shape {list(inputs.shape[1:])}"
    return ""


def _in_features(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(inputs, Tensor) and inputs.dim() == 2 and inputs.shape[1] != value:
        return f"inputs have the shape {list(inputs.shape[1:])}"
    return ""


def _num_labels(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(targets, Tensor) and facts.get("task") == "multilabel" and targets.shape[-1] != value:
        return f"targets have the shape {list(targets.shape[1:])}"
    return ""


def _num_targets(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(targets, Tensor) and targets.is_floating_point():
        width = targets.shape[-1] if targets.dim() > 1 else 1
        if width != value:
            return f"targets have the shape {list(targets.shape[1:])}"
    return ""


def _vocab_size(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(inputs, Tensor) and not inputs.is_floating_point() and inputs.numel() and int(inputs.max()) >= value:
        return f"a token is {int(inputs.max())}"
    return ""


def _below(key: str) -> Callable[[int, Any, Any, Mapping[str, Any]], str]:
    def look(value: int, inputs: Any, targets: Any, facts: Mapping[str, Any]) -> str:
        numbers = inputs.get(key) if isinstance(inputs, Mapping) else None
        if isinstance(numbers, Tensor) and numbers.numel() and int(numbers.max()) >= value:
            return f"a number of {key!r} is {int(numbers.max())}"
        return ""

    return look


_LOOKS: Mapping[str, Callable[[Any, Any, Any, Mapping[str, Any]], str]] = {
    "num_classes": _num_classes,
    "in_channels": _in_channels,
    "image_size": _image_size,
    "in_features": _in_features,
    "num_labels": _num_labels,
    "num_targets": _num_targets,
    "vocab_size": _vocab_size,
    "num_users": _below("user"),
    "num_items": _below("item"),
}
