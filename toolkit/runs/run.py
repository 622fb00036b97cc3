"""A run under way: its folder, its record, and the objects that train. Imports Lightning."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers.logger import DummyLogger, Logger

from toolkit.build import Experiment
from toolkit.data import DataModule
from toolkit.engine.checkpoints import Saved, best_of, best_record, list_saved
from toolkit.recipe import Recipe
from toolkit.runs.record import now
from toolkit.tracking.folder import RunFolder

if TYPE_CHECKING:
    import pytorch_lightning as pl


@dataclass
class Run:
    """What listeners are given: a run, from the moment it has a folder."""

    folder: RunFolder
    experiment: Experiment
    record: dict[str, Any]
    """The content of ``run.json``."""
    resumed_from: Saved | None = None
    """The checkpoint that the run goes on from; None for one that begins."""
    data: pl.LightningDataModule | None = None
    """What loads the data, once it is made."""
    trainer: pl.Trainer | None = None
    """Lightning's trainer, once it is made."""
    is_main: bool = True
    """Whether this process is the one that writes and prints."""
    launched: bool = False
    """Whether this is one of several processes; the one that launched them looks after the folder."""
    _since: float = field(default_factory=time.monotonic, repr=False)
    _seconds_before: float = 0.0

    def __post_init__(self) -> None:
        self._seconds_before = float(self.record.get("seconds") or 0.0)

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def recipe(self) -> Recipe:
        return self.experiment.recipe

    @property
    def name(self) -> str:
        """The recipe's name, such as ``vision/digits``; not that of the copy in the run's folder."""
        return str(self.record["recipe"])

    @property
    def notes(self) -> list[str]:
        """What a user should know of this run: listeners left out, damaged checkpoints, other packages' callbacks."""
        return list(self.record["notes"])

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, all its processes one after the other."""
        return self._seconds_before + time.monotonic() - self._since

    @property
    def loggers(self) -> list[Logger]:
        """The loggers of the recipe; without the stand-ins that Lightning puts in their place in a trial run."""
        loggers = [] if self.trainer is None else self.trainer.loggers
        return [logger for logger in loggers if not isinstance(logger, DummyLogger)]

    def add_note(self, text: str) -> None:
        """Adds to `notes`, once."""
        if text not in self.record["notes"]:
            self.record["notes"] = [*self.record["notes"], text]

    def write(self, **changes: Any) -> None:
        """Changes keys of ``run.json`` and writes it; on other processes than the main one, only remembers them."""
        self.record.update(changes)
        if self.is_main:
            self.folder.write_json(self.record)

    def close(self, status: str, reason: str, **changes: Any) -> None:
        """Writes how the run ended, on a full disk too."""
        if self.is_main:
            self.folder.release()
        if isinstance(self.data, DataModule):
            for note in self.data.notes:
                self.add_note(note)
            if self.data.left_out.record:
                changes["left_out"] = self.data.left_out.record
        seconds = round(self.seconds, 3)
        session = {
            "started": self.record["started"],
            "seconds": round(seconds - self._seconds_before, 3),
            "status": status,
            "reason": reason,
            "command": self.record["command"],
        }
        self.write(
            status=status,
            reason=reason,
            finished=now(),
            seconds=seconds,
            sessions=[*self.record["sessions"], session],
            **changes,
        )

    def tested_checkpoint(self) -> tuple[Saved, str] | None:
        """The checkpoint to test, and whether it is the ``best`` or the ``last``; None where none was saved."""
        saved = list_saved(self.folder.checkpoints)
        monitor = self.experiment.monitor
        if monitor is not None:
            best = best_of(saved, monitor.mode)
            if best:
                return best[0], "best"
        return (saved[-1], "last") if saved else None

    def best(self) -> dict[str, Any] | None:
        """The best checkpoint as ``run.json`` has it."""
        monitor = self.experiment.monitor
        return None if monitor is None else best_record(self.folder.checkpoints, monitor.name, monitor.mode)


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Lightning's metrics as plain numbers, by split, without the values of single steps."""
    order = {split: place for place, split in enumerate(("train", "val", "test"))}
    names = sorted(metrics, key=lambda name: order.get(name.partition("/")[0], len(order)))
    return {name: float(metrics[name]) for name in names if not name.endswith("_step")}
