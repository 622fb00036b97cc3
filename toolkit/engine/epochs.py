"""Saves a checkpoint between two epochs, keeps the best and the last ones, and lets a resumed run go on from one.

Imports Lightning. The moment matters: Lightning's own ModelCheckpoint saves before the epoch's means are logged and
before a plateau scheduler has stepped. Here a checkpoint is saved when all of that is done, before anything of the next
epoch has happened, and is restored at the very same place; so a run that goes on from it draws the same random numbers
and writes the same rows as one that was never stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.exceptions import SIGTERMException

from toolkit.engine.checkpoint_io import ABOUT, TOOLKIT
from toolkit.engine.checkpoints import Mode, best_of, list_saved, remove
from toolkit.engine.longer import ends, forget_length, onto_the_curve
from toolkit.engine.nonfinite import check_weights
from toolkit.engine.rng import rng_state, set_rng_state

KEEP = {"best": 1, "last": 2}
"""How many checkpoints are kept when a recipe does not say: `engine.keep`."""


class EpochCheckpoints(pl.Callback):
    """Saves after every epoch, and after a validation inside an epoch that is the best so far.

    It must stand first in the trainer's list: what callbacks do at the start of an epoch belongs to that epoch.

    Args:
        folder: where the checkpoints go.
        run_id: the run's id, kept in every checkpoint.
        monitor: the metric by which the best is found; None keeps the last ones only.
        mode: whether a smaller or a larger value is better.
        keep_best: how many of the best are kept.
        keep_last: how many of the newest are kept; at least one is.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        *,
        monitor: str | None,
        mode: Mode = "min",
        keep_best: int = KEEP["best"],
        keep_last: int = KEEP["last"],
    ) -> None:
        super().__init__()
        self.folder = folder
        self.run_id = run_id
        self.monitor = monitor
        self.mode: Mode = mode
        self.keep_best = keep_best if monitor is not None else 0
        self.keep_last = keep_last
        self._between_epochs = False
        self._score: float | None = None
        self._scored_at = -1
        """The optimizer step that the score belongs to."""
        self._saving: dict[str, Any] = {}
        self._resumed: dict[str, Any] | None = None
        self._lengthened = False

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self._resumed = checkpoint[TOOLKIT]
            self._lengthened = checkpoint[TOOLKIT]["ends"] != ends(trainer)
            if self._lengthened:
                forget_length(checkpoint)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._resumed is not None:
            _begin_a_fresh_epoch(trainer)
        if self._lengthened:
            onto_the_curve(trainer)
            self._lengthened = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._between_epochs:
            self._save(trainer, resumable=True)
        elif self._resumed is not None:
            states = self._resumed["rng"]
            set_rng_state(states[trainer.global_rank if len(states) == trainer.world_size else 0])
        self._between_epochs = False
        self._resumed = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._measure(trainer)
        if not trainer.is_last_batch and trainer.strategy.broadcast(self._is_best()):
            self._save(trainer, resumable=False)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._between_epochs = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._between_epochs:
            # `max_steps`, or an early stop, may end the training inside an epoch.
            self._save(trainer, resumable=trainer.fit_loop.epoch_loop._num_ready_batches_reached())
            self._between_epochs = False

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # Lightning raises this one when the epoch's work is done; any other may have left it half done.
        if self._between_epochs and isinstance(exception, SIGTERMException):
            self._save(trainer, resumable=True)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[TOOLKIT] = {
            "run": self.run_id,
            "ends": ends(trainer),
            "rng": _of_all_ranks(rng_state()),
            ABOUT: self._saving,
        }
        if self._saving.get("resumable"):
            # Saved at the start of the next epoch, which Lightning has counted already and a resumed run counts again.
            progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
            for counted in (progress["total"], progress["current"]):
                counted.update(dict.fromkeys(("ready", "started", "completed"), counted["processed"]))

    def _save(self, trainer: pl.Trainer, *, resumable: bool) -> None:
        check_weights(trainer)
        epoch: int = vars(trainer.fit_loop.epoch_progress.current)["processed"]
        if self.monitor is not None and not self.monitor.startswith("val/"):
            self._measure(trainer)
        self._saving = {
            "epoch": epoch,
            "step": trainer.global_step,
            "monitor": self.monitor,
            "score": self._score if self._scored_at == trainer.global_step else None,
            "resumable": resumable,
            # Lightning counts logged steps apart from the optimizer's; rows from there on are not this checkpoint's.
            "next_logged_step": trainer.fit_loop.epoch_loop._batches_that_stepped,
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
        }
        name = f"epoch-{epoch:04}" if resumable else f"step-{trainer.global_step:08}"
        trainer.save_checkpoint(self.folder / f"{name}.ckpt")
        self._saving = {}
        if trainer.is_global_zero:
            self._retain()

    def _retain(self) -> None:
        saved = list_saved(self.folder)
        # The newest stays whatever the recipe says: without it there is nothing to go on from.
        kept = saved[-1:] + [one for one in saved if one.resumable][-max(1, self.keep_last) :]
        kept += best_of(saved, self.mode, self.keep_best)
        remove(one.path for one in saved if one not in kept)

    def _measure(self, trainer: pl.Trainer) -> None:
        value = None if self.monitor is None else trainer.callback_metrics.get(self.monitor)
        self._score = None if value is None else float(value)
        self._scored_at = trainer.global_step

    def _is_best(self) -> bool:
        if self._score is None or self._score != self._score or not self.keep_best:
            return False
        best = best_of(list_saved(self.folder), self.mode)
        if not best or best[0].score is None:
            return True
        return self._score < best[0].score if self.mode == "min" else self._score > best[0].score


def _begin_a_fresh_epoch(trainer: pl.Trainer) -> None:
    """Lets Lightning's loops take the ordinary way into the next epoch.

    With ``max_steps`` Lightning takes every resumed run for one that stopped inside an epoch, and would skip one
    (pytorch-lightning 2.6.6). It also makes the epoch's iterator before the random state is restored, unless it does
    not know that it is resuming.
    """
    epoch_loop = trainer.fit_loop.epoch_loop
    for loop in (
        trainer.fit_loop,
        epoch_loop,
        epoch_loop.val_loop,
        epoch_loop.automatic_optimization,
        epoch_loop.manual_optimization,
    ):
        loop._restarting = False
        loop._loaded_from_state_dict = False
        loop._resuming_from_checkpoint = False
        loop.reset_restart_stage()


def _of_all_ranks(state: dict[str, Any]) -> list[dict[str, Any]]:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [state]
    states: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, state)
    return states
