"""Stops a run whose loss or weights are no longer numbers. Imports Lightning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

from toolkit.errors import RunError


class NotFinite(RunError):
    """The loss, or a weight, became NaN or infinite."""


class StopWhenNotFinite(pl.Callback):
    """Looks at the loss wherever metrics are logged, and at the last batch of an epoch.

    Not at every step: reading a loss makes an accelerator wait. Nothing is lost by that, because a loss that is NaN
    once makes the weights NaN, and the loss stays so.
    """

    per_batch = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        every: int = getattr(trainer, "log_every_n_steps")  # noqa: B009  (Lightning sets it without declaring it)
        if not (trainer.is_last_batch or (every and trainer.global_step % every == 0)):
            return
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, torch.Tensor):
            value = float(loss.detach())
            if not math.isfinite(value):
                raise NotFinite(f"loss became {value} at {_moment(trainer)}")


def check_weights(trainer: pl.Trainer) -> None:
    """Makes sure that the weights are numbers before a checkpoint takes the place of an earlier one.

    Raises:
        NotFinite: with the name of the first parameter that holds NaN or infinity.
    """
    for name, parameter in trainer.lightning_module.named_parameters():
        if parameter.is_floating_point() and not bool(torch.isfinite(parameter.detach()).all()):
            raise NotFinite(f"the parameter {name} holds nan or inf at {_moment(trainer)}")


def _moment(trainer: pl.Trainer) -> str:
    return f"step {trainer.global_step} (epoch {trainer.current_epoch + 1})"
