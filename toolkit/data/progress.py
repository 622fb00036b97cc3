"""Where in its epochs a trainer is, as a loader needs to know it. Imports Lightning's types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytorch_lightning as pl


def epoch_of(trainer: pl.Trainer | None) -> int:
    """The trainer's epoch, as an evaluation sees it; 0 without a trainer."""
    # What Lightning gives to samplers. Not current_epoch, which catches up later when a run is resumed.
    return 0 if trainer is None else int(vars(trainer.fit_loop.epoch_progress.current)["processed"])


def training_epoch(trainer: pl.Trainer | None) -> int:
    """The epoch of the batch that is trained on next."""
    # overfit_batches means the same few batches again and again; Lightning can only arrange that for a DataLoader.
    if trainer is None or getattr(trainer, "overfit_batches", False):
        return 0
    return epoch_of(trainer) + (_is_inside(trainer) and _last_is_over(trainer))


def position(trainer: pl.Trainer | None) -> int:
    """How many batches of `training_epoch` this process has trained on."""
    if trainer is None or not _is_inside(trainer) or _last_is_over(trainer):
        return 0
    # Not `ready`: the first batch of a loader without a length is fetched before Lightning corrects the counts of the
    # checkpoint that a run goes on from, and only `processed` is right wherever in an epoch that was saved.
    return int(vars(trainer.fit_loop.epoch_loop.batch_progress.current)["processed"])


def _is_inside(trainer: pl.Trainer) -> bool:
    """Whether Lightning counts an epoch as begun and not as over."""
    counted: dict[str, Any] = vars(trainer.fit_loop.epoch_progress.current)
    return bool(counted["ready"] != counted["processed"])


def _last_is_over(trainer: pl.Trainer) -> bool:
    """Whether the last batch of that epoch has been trained on. A loader that begins now serves the next one."""
    return bool(trainer.fit_loop.epoch_loop.batch_progress.is_last_batch)
