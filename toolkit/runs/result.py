"""What a run leaves in the hands of its caller. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    metrics: Mapping[str, float]
    """The last value of every metric; those of ``test`` belong to the checkpoint that was tested."""
    folder: Path
    """The run's folder."""
    model: nn.Module | None = field(repr=False)
    """The model with the weights that were tested, on the CPU; None for a task that makes its own model."""
    status: str
    """``finished``."""
    id: str
    """The run's id."""
    best_checkpoint: Path | None
    """The checkpoint that was tested: the best, or the last where there is nothing to tell the best by."""
