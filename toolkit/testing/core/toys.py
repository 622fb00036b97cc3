"""Small data and a small model for the cases of the core's tasks: the core itself offers neither. Imports torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Numbers from 0 to 1, always the same."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def classes(samples: int, count: int = 3) -> Tensor:
    """One class after the other, ``(samples,)``."""
    return torch.arange(samples) % count


def points(task: str = "multiclass", samples: int = 12) -> Any:
    """Points ``(samples, 4)`` with targets of a task.

    Args:
        task: multiclass, binary, multilabel or regression.
        samples: of each split.
    """
    facts: dict[str, Any] = {"in_features": 4}
    if task == "regression":
        made = [numbers(samples, 1, seed=seed) for seed in (3, 4, 5)]
        facts["num_targets"] = 1
    elif task == "multilabel":
        made = [(numbers(samples, 3, seed=seed) > 0.5).long() for seed in (3, 4, 5)]
        facts |= {"task": task, "num_labels": 3}
    else:
        count = 3 if task == "multiclass" else 2
        made = [classes(samples, count) for _ in range(3)]
        facts |= {"task": task, "num_classes": count}
    splits = [(numbers(samples, 4, seed=seed), targets) for seed, targets in enumerate(made)]
    return SimpleNamespace(train=splits[0], val=splits[1], test=splits[2], facts=facts)


class Linear(nn.Module):
    """One layer.

    Args:
        width: of its output.
    """

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(4, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, 4) → (batch, width)."""
        outputs: Tensor = self.layer(inputs)
        return outputs


class Table(nn.Module):
    """A table with sparse gradients, whose height is to be made small."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 4, sparse=True)
        nn.init.constant_(self.table.weight, 1.0)

    def forward(self) -> Tensor:
        """The sum of the squares of two of its rows."""
        height: Tensor = (self.table(torch.tensor([0, 2])) ** 2).sum()
        return height
