"""Says how a training goes: one line for every epoch, and on a terminal a bar inside each. Imports Lightning and rich.

A listener of the core: it puts its callback into every Trainer (hook ``toolkit_trainer_options``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar

from toolkit.hooks import hookimpl
from toolkit.tracking.console import console, duration, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

SECONDS_BETWEEN_UPDATES = 0.25
"""Drawing the bar costs a millisecond."""


@hookimpl
def toolkit_trainer_options(experiment: Any, options: dict[str, Any]) -> None:
    """Adds the epoch lines, unless the recipe brings a progress bar of its own."""
    if not any(isinstance(callback, ProgressBar) for callback in options["callbacks"]):
        options["callbacks"].append(EpochLines(bar=options.get("enable_progress_bar") is not False))
        options["enable_progress_bar"] = False


class EpochLines(pl.Callback):
    """Prints a line when an epoch is over: losses, metrics, seconds.

    Args:
        bar: whether a terminal also gets a bar that moves with the batches.
    """

    per_batch = False

    def __init__(self, *, bar: bool = True) -> None:
        super().__init__()
        self._bar = bar
        self._console: Console | None = None
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._updated = 0.0
        self._began = 0.0
        self._validated = False
        self._finished: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A run that goes on in the middle of an epoch has no beginning of one.
        self._began = time.monotonic()
        if not trainer.is_global_zero:
            return
        self._console = console()
        if self._bar and self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
                # It would be drawn by a thread that takes its turns from the training, ten times a second.
                auto_refresh=False,
            )
            self._progress.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._print(trainer)
        self._began = time.monotonic()
        if self._progress is not None:
            batches = trainer.num_training_batches
            total = None if batches == float("inf") else float(batches)
            if self._task is None:
                self._task = self._progress.add_task("", total=total)
            self._progress.reset(self._task, total=total, description=_epoch(trainer, trainer.current_epoch + 1))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._progress is None or self._task is None:
            return
        now = time.monotonic()
        if now - self._updated >= SECONDS_BETWEEN_UPDATES or trainer.is_last_batch:
            self._updated = now
            self._progress.update(self._task, completed=batch_idx + 1, refresh=True)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Printed later: Lightning logs the epoch's means after this.
        self._finished = trainer.current_epoch + 1

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._print(trainer)
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _print(self, trainer: pl.Trainer) -> None:
        epoch, self._finished = self._finished, None
        if epoch is None or self._console is None:
            return
        values = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            # Without a validation in this epoch its values are those of an earlier one.
            if not name.endswith("_step") and (self._validated or not name.startswith("val/"))
        }
        self._validated = False
        names = sorted(values, key=lambda name: not name.startswith("train/"))
        parts = [f"{name} {shown(values[name])}" for name in names]
        took = duration(time.monotonic() - self._began)
        self._console.print("   ".join([_epoch(trainer, epoch), *parts, took]), soft_wrap=True)

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._task = None, None


def _epoch(trainer: pl.Trainer, epoch: int) -> str:
    last = trainer.max_epochs
    return f"epoch {epoch}" if last in (None, -1) else f"epoch {epoch:>{len(str(last))}}/{last}"
