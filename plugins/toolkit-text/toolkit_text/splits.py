"""What the datasets here return. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Splits:
    """A dataset in the shape that the toolkit asks for."""

    train: Any
    val: Any
    test: Any
    facts: Mapping[str, Any]
    run_files: Mapping[str, bytes] = field(default_factory=dict)
    """What the run keeps, by the names of files: the tokenizer."""
    text_of: Callable[[Any], str] | None = None
    """How one sample's inputs read."""
    collate: Callable[[list[Any]], Any] | None = None
    """Makes a batch of a list of samples, where a split does not make its own."""
