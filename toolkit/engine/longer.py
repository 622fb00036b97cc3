"""Lets a run that is resumed with another length follow the learning-rate curve of that length. Imports Lightning.

Schedulers keep the length they were made for among their state, and restoring it would end the curve where it was to
end at first: OneCycleLR raises at the next step, a cosine stays at zero.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Timer

from toolkit.engine.interior import callbacks_of

_LENGTHS = ("total_steps", "_schedule_phases", "T_max", "total_iters")
"""What torch's schedulers keep of the run's length (torch 2.14)."""


def ends(trainer: pl.Trainer) -> list[int | None]:
    """What ends the training of ``trainer``: its greatest numbers of epochs and of steps."""
    return [trainer.max_epochs, trainer.max_steps]


def longest_time(trainer: pl.Trainer) -> float | None:
    """After how many seconds the training of ``trainer`` ends, if that ends it."""
    return next((callback._duration for callback in callbacks_of(trainer) if isinstance(callback, Timer)), None)


def forget_length(checkpoint: dict[str, Any]) -> None:
    """Takes the run's length out of the schedulers' states, so that the new schedulers keep theirs."""
    for state in checkpoint.get("lr_schedulers", ()):
        for name in _LENGTHS:
            state.pop(name, None)


def onto_the_curve(trainer: pl.Trainer) -> None:
    """Sets the learning rates to where the new curve has them now.

    A scheduler that goes from one rate to the next, such as the cosine, would start from the old curve's.
    """
    for config in trainer.lr_scheduler_configs:
        rates = getattr(config.scheduler, "_get_closed_form_lr", None)
        if rates is not None:
            for group, rate in zip(config.scheduler.optimizer.param_groups, rates(), strict=True):
                group["lr"] = rate
