"""How long a run is, counted in optimizer steps: as the trainer knows it, and as a recipe and its data foretell it.

Imports torch and Lightning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from torch import Tensor

from toolkit.check import Checked
from toolkit.recipe.grammar import BATCH_SIZE


@dataclass(frozen=True, slots=True)
class RunLength:
    """How long a run is, in optimizer steps; None for what is not known."""

    total_steps: int | None
    steps_per_epoch: int | None
    epochs: int | None

    def facts(self, interval: str, frequency: int) -> dict[str, int | None]:
        """The run facts as a scheduler counts them that moves every ``frequency`` steps or epochs."""
        if interval == "epoch":
            return {"total_steps": _every(self.epochs, frequency), "steps_per_epoch": 1, "epochs": self.epochs}
        return {
            "total_steps": _every(self.total_steps, frequency),
            "steps_per_epoch": _every(self.steps_per_epoch, frequency),
            "epochs": self.epochs,
        }


def run_length(trainer: Trainer) -> RunLength:
    """How long ``trainer`` will train: it looks at the loaders and at all its limits, and counts optimizer steps."""
    if trainer.train_dataloader is None:
        trainer.fit_loop.setup_data()
    # Not trainer.estimated_stepping_batches: it does not see GradientAccumulationScheduler (Lightning 2.6).
    accumulated = {0: trainer.accumulate_grad_batches}
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set where mypy does not look
    for callback in callbacks:
        if isinstance(callback, GradientAccumulationScheduler):
            accumulated = callback.scheduling
    return length_of(
        trainer.num_training_batches,
        accumulated,
        max_epochs=None if trainer.max_epochs in (None, -1) else trainer.max_epochs,
        max_steps=None if trainer.max_steps == -1 else trainer.max_steps,
    )


def length_of(
    batches: float, accumulated: Mapping[int, int], max_epochs: int | None, max_steps: int | None
) -> RunLength:
    """How long a run is.

    Args:
        batches: of one epoch; infinite where the data does not say.
        accumulated: from the epoch in which it begins to the number of batches that make one optimizer step.
        max_epochs: after how many epochs it ends, if that ends it.
        max_steps: after how many optimizer steps it ends, if that ends it.
    """
    steps_per_epoch = total = None
    if not math.isinf(batches):
        begins = sorted(accumulated)
        if len(begins) == 1:
            steps_per_epoch = math.ceil(batches / accumulated[begins[0]])
        if max_epochs is not None:
            ends = [min(epoch, max_epochs) for epoch in (*begins[1:], max_epochs)]
            total = sum(
                max(0, end - begin) * math.ceil(batches / accumulated[begin])
                for begin, end in zip(begins, ends, strict=True)
            )
    if max_steps is not None:
        total = max_steps if total is None else min(total, max_steps)
    epochs = max_epochs
    if total is not None and steps_per_epoch:
        epochs = math.ceil(total / steps_per_epoch)
    return RunLength(total, steps_per_epoch, epochs)


def planned_length(checked: Checked, train: Any) -> RunLength | None:
    """How long the run of a recipe will be, before there is a trainer; None where only the trainer can tell.

    Args:
        checked: the recipe.
        train: its ``train`` split.
    """
    trainer, loader = checked.trainer, checked.loader
    only_the_trainer = ("limit_train_batches", "overfit_batches", "fast_dev_run", "strategy", "plugins")
    one_process = trainer.get("devices", 1) in (1, "1") and trainer.get("num_nodes", 1) == 1
    if not one_process or any(trainer.get(name) is not None for name in only_the_trainer):
        return None
    for block in checked.collections.get("callbacks", {}).values():
        target = block.component.target
        if not isinstance(target, type) or issubclass(target, GradientAccumulationScheduler):
            return None
    accumulated = trainer.get("accumulate_grad_batches", 1)
    if accumulated < 1:
        return None  # Lightning will say what is wrong with it
    if loader.get("batch_size") == "auto":
        return None  # not known before the run begins
    samples, batch_size = samples_of(train), loader.get("batch_size", BATCH_SIZE)
    batches = math.inf if samples is None else samples / batch_size
    if not math.isinf(batches):
        batches = math.floor(batches) if loader.get("drop_last") else math.ceil(batches)
    max_epochs, max_steps = trainer.get("max_epochs"), trainer.get("max_steps")
    return length_of(
        batches,
        {0: accumulated},
        max_epochs=None if max_epochs == -1 else max_epochs,
        max_steps=None if max_steps == -1 else max_steps,
    )


def samples_of(split: Any) -> int | None:
    """Number of samples of a split; None for a stream that does not say."""
    parts = split.values() if isinstance(split, Mapping) else split if isinstance(split, tuple) else ()
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if tensors:
        return len(tensors[0])
    try:
        return len(split)
    except (TypeError, NotImplementedError):
        return None


def _every(count: int | None, frequency: int) -> int | None:
    return None if count is None else max(1, count // frequency)
