"""Saves checkpoints between two epochs or two batches, keeps the best and the last, and lets a run go on from one.

Imports Lightning. The moment matters: Lightning's own ModelCheckpoint saves before the means are logged and before a
plateau scheduler has stepped. Here a checkpoint is saved when all of that is done, before anything of what comes next
has happened, and is restored at the very same place; so a run that goes on from it draws the same random numbers and
writes the same rows as one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.types import _Stateful
from pytorch_lightning.loops.fit_loop import RestartStage
from pytorch_lightning.plugins.precision import DoublePrecision
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.exceptions import SIGTERMException

from toolkit.engine.checkpoint_io import ABOUT, TOOLKIT
from toolkit.engine.checkpoints import Mode, best_of, list_saved, remove
from toolkit.engine.fast_loop import FastEpochLoop
from toolkit.engine.inside import inside_state, load_inside_state, load_shown_state, shown_state
from toolkit.engine.longer import ends, forget_length, longest_time, onto_the_curve
from toolkit.engine.nonfinite import check_weights
from toolkit.engine.rng import rng_state, set_rng_state
from toolkit.errors import RunError

KEEP = {"best": 1, "last": 2}
"""How many checkpoints are kept when a recipe does not say: `engine.keep`."""
SAVE: Mapping[str, float | None] = {"steps": None, "minutes": 10}
"""How often one is saved inside an epoch when a recipe does not say: `engine.save`."""


class Checkpoints(pl.Callback):
    """Saves after every epoch, every so often inside one, and after a validation inside one that is the best so far.

    It must stand first in the trainer's list: what callbacks do at the start of an epoch belongs to that epoch.

    Args:
        folder: where the checkpoints go.
        run_id: the run's id, kept in every checkpoint.
        monitor: the metric by which the best is found; None keeps the last ones only.
        mode: whether a smaller or a larger value is better.
        keep_best: how many of the best are kept.
        keep_last: how many of the newest are kept; at least one is.
        every_n_steps: how many optimizer steps may pass until the next is saved; None for no limit.
        every_minutes: the same in minutes.
    """

    per_batch = False

    def __init__(
        self,
        folder: Path,
        run_id: str,
        *,
        monitor: str | None,
        mode: Mode = "min",
        keep_best: int = KEEP["best"],
        keep_last: int = KEEP["last"],
        every_n_steps: int | None = None,
        every_minutes: float | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.run_id = run_id
        self.monitor = monitor
        self.mode: Mode = mode
        self.keep_best = keep_best if monitor is not None else 0
        self.keep_last = keep_last
        self.every_n_steps = every_n_steps
        self.every_minutes = every_minutes
        self._between_epochs = False
        self._best_inside = False
        """Whether the last validation was the best so far, and no checkpoint holds its weights yet."""
        self._saved_at = (-1, -1)
        """Optimizer steps and batches taken when the last checkpoint was saved."""
        self._saved_when = time.monotonic()
        self._score: float | None = None
        self._scored_at = -1
        """The optimizer step that the score belongs to."""
        self._saving: dict[str, Any] = {}
        self._resumed: dict[str, Any] | None = None
        self._lengthened = False
        self._stops = False
        """Whether the training that goes on was told to stop before."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if isinstance(trainer.precision_plugin, DoublePrecision):
            # Lightning would do it after it has restored the weights, which would be rounded to float32.
            pl_module.double()

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self._resumed = saved = checkpoint[TOOLKIT]
            self._lengthened = saved["ends"] != ends(trainer)
            # A training that has ended by an early stop has so for good, unless it is to go on longer.
            longer = self._lengthened or saved["time"] != longest_time(trainer)
            self._stops = saved["stops"] and (saved["stops_later"] or not longer)
            if self._lengthened:
                forget_length(checkpoint)
            if saved["inside"] is None:
                # Where the loaders were at the end of an epoch is not where the next one begins.
                checkpoint["loops"]["fit_loop"]["state_dict"].pop("combined_loader", None)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loop = trainer.fit_loop.epoch_loop
        if self._resumed is not None:
            _begin_a_fresh_epoch(trainer)
            load_shown_state(trainer, self._resumed["shown"])
            trainer.should_stop = self._stops
            if self._resumed["inside"] is not None:
                self._begin_inside(trainer)
        if isinstance(loop, FastEpochLoop):
            loop.save_every_n_steps = self.every_n_steps or 0
            loop.wants_to_save = self._wants_to_save
            loop.between_batches = lambda: self._save_inside(trainer)
        if self._lengthened:
            onto_the_curve(trainer)
            self._lengthened = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._between_epochs:
            self._save(trainer, resumable=True)
        elif self._resumed is not None:
            set_rng_state(self._of_this_rank(trainer, "rng"))
        self._between_epochs = False
        self._resumed = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._measure(trainer)
        if trainer.is_last_batch:
            return
        loop = trainer.fit_loop.epoch_loop
        waiting = loop.batch_progress.current.ready % trainer.accumulate_grad_batches
        if isinstance(loop, FastEpochLoop) and not waiting:
            # Saved when this batch is over.
            self._best_inside = self._is_best()
        elif trainer.strategy.broadcast(self._is_best()):
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
            "shown": shown_state(trainer),
            "time": longest_time(trainer),
            "stops": trainer.should_stop,
            # After `min_epochs` or `min_steps`.
            "stops_later": not trainer.fit_loop._can_stop_early,
            "inside": _of_all_ranks(inside_state(trainer)) if self._saving.get("batch") else None,
            ABOUT: self._saving,
        }
        if self._saving.get("resumable") and not self._saving["batch"]:
            # Saved at the start of the next epoch, which Lightning has counted already and a resumed run counts again.
            progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
            for counted in (progress["total"], progress["current"]):
                counted.update(dict.fromkeys(("ready", "started", "completed"), counted["processed"]))

    def _wants_to_save(self) -> bool:
        minutes = self.every_minutes
        return self._best_inside or (minutes is not None and time.monotonic() - self._saved_when >= 60 * minutes)

    def _save_inside(self, trainer: pl.Trainer) -> None:
        resumable = _keeps_its_place(trainer)
        if self._saved_at != _taken(trainer) and (resumable or self._best_inside):
            self._save(trainer, resumable=resumable, batch=trainer.fit_loop.epoch_loop.batch_progress.current.ready)

    def _begin_inside(self, trainer: pl.Trainer) -> None:
        """Goes on in the middle of the epoch in which the checkpoint was saved."""
        loop = trainer.fit_loop.epoch_loop
        if not isinstance(loop, FastEpochLoop):
            raise RunError(
                "this checkpoint is from the middle of an epoch, and this pytorch-lightning cannot go on there"
            )

        def go_on() -> None:
            load_inside_state(trainer, self._of_this_rank(trainer, "inside"))
            set_rng_state(self._of_this_rank(trainer, "rng"))
            self._resumed = None

        # Lightning then counts no new epoch, and calls none of the hooks for its beginning.
        trainer.fit_loop._restart_stage = RestartStage.RESTARTED_MID_EPOCH
        # ... and keeps the iterator that it has made, from loaders whose place it has loaded.
        trainer.fit_loop._resuming_from_checkpoint = True
        loop.go_on = go_on

    def _of_this_rank(self, trainer: pl.Trainer, what: str) -> Any:
        assert self._resumed is not None
        states = self._resumed[what]
        return states[trainer.global_rank if len(states) == trainer.world_size else 0]

    def _save(self, trainer: pl.Trainer, *, resumable: bool, batch: int = 0) -> None:
        """Saves; ``batch`` is how many batches of the epoch are over, 0 between two epochs."""
        check_weights(trainer)
        epoch: int = vars(trainer.fit_loop.epoch_progress.current)["processed"]
        if self.monitor is not None and not self.monitor.startswith("val/"):
            self._measure(trainer)
        self._saving = {
            "epoch": epoch,
            "batch": batch,
            "processes": trainer.world_size,
            "step": trainer.global_step,
            "monitor": self.monitor,
            "score": self._score if self._scored_at == trainer.global_step else None,
            "resumable": resumable,
            # Lightning counts logged steps apart from the optimizer's; rows from there on are not this checkpoint's.
            "next_logged_step": trainer.fit_loop.epoch_loop._batches_that_stepped,
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
        }
        name = f"step-{trainer.global_step:08}" if batch or not resumable else f"epoch-{epoch:04}"
        trainer.save_checkpoint(self.folder / f"{name}.ckpt")
        self._saving = {}
        self._best_inside = False
        self._saved_at, self._saved_when = _taken(trainer), time.monotonic()
        if trainer.is_global_zero:
            self._retain()

    def _retain(self) -> None:
        saved = list_saved(self.folder)
        # The newest stays whatever the recipe says: without it there is nothing to go on from.
        kept = saved[-1:] + [one for one in saved if one.resumable][-max(1, self.keep_last) :]
        kept += best_of(saved, self.mode, self.keep_best)
        # With another number of processes a run goes on from a whole epoch only.
        kept += [one for one in saved if one.resumable and not one.batch][-1:]
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


def _taken(trainer: pl.Trainer) -> tuple[int, int]:
    """Optimizer steps and batches taken so far."""
    return trainer.global_step, trainer.fit_loop.epoch_loop.batch_progress.total.ready


def _keeps_its_place(trainer: pl.Trainer) -> bool:
    """Whether the loaders can go on in the middle of an epoch: the core's own do, and those that hold a state.

    Of one without a length Lightning has read a batch more than was trained on, which its state cannot tell.
    """
    loader, fetcher = trainer.fit_loop._combined_loader, trainer.fit_loop._data_fetcher
    if getattr(getattr(trainer, "datamodule", None), "keeps_place", False):
        return True
    if loader is None or fetcher is None or fetcher.length is None:
        return False
    return all(isinstance(one, _Stateful) for one in loader.flattened)


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
