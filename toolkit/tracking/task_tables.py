"""Saves the tables that a task has filled in an evaluation, and gives them to loggers. Imports Lightning's Callback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from toolkit.tasks.classification import DIGITS
from toolkit.tasks.pictures import TOKENS, are_tokens
from toolkit.tasks.tables import Table
from toolkit.tracking.files import write_atomic
from toolkit.tracking.plots import class_name, file_stem
from toolkit.tracking.redact import Redactor
from toolkit.tracking.table import encode_cells


def evaluation_tables(experiment: Any) -> dict[str, Table]:
    """The tables of an experiment's task by name: its `tables`, and of a classifier of texts its worst mistakes.

    These need a dataset that says how a sample reads: ``text_of(tokens)``, beside its splits.
    """
    tables: Mapping[str, Table] = getattr(experiment.task, "tables", {})
    worst = _worst_mistakes(experiment)
    return {**worst, **{file_stem(name, "table"): table for name, table in tables.items()}}


def save_tables(tables: Mapping[str, Table], folder: Path, prefix: str = "") -> list[Path]:
    """Writes each as ``<prefix><name>.csv``, whole or not at all, and returns the files."""
    redactor = Redactor.from_environment()
    paths = {folder / f"{prefix}{name}.csv": table for name, table in tables.items()}
    for path, table in paths.items():
        write_atomic(path, b"".join(encode_cells(redactor.values(cells)) for cells in (table.columns, *table.rows)))
    return list(paths)


def _worst_mistakes(experiment: Any) -> dict[str, Table]:
    mistakes = [each for each in getattr(experiment.task, "worst", []) if are_tokens(each.input.unsqueeze(0))]
    text_of = getattr(experiment.data, "text_of", None)
    if not mistakes or text_of is None:
        return {}
    names = [str(name) for name in experiment.facts.get("class_names") or ()]
    rows: list[list[str | int | float | None]] = []
    for mistake in mistakes:
        tokens = mistake.input[mistake.input >= 0]
        tokens = tokens[tokens != experiment.facts.get("pad_id", -1)]
        cut = "…" if len(tokens) == TOKENS else ""
        true, taken = (class_name(names, number) for number in (mistake.target, mistake.predicted))
        rows.append([true, taken, round(mistake.probability, DIGITS), f"{text_of(tokens)}{cut}"])
    return {"worst_mistakes": Table(("true", "predicted", "probability", "text"), rows)}


class TaskTables(pl.Callback):
    """After every validation and every test, saves the tables that the task has filled in it, and logs them.

    Args:
        experiment: whose task it is.
        folder: where they are saved.
    """

    def __init__(self, experiment: Any, folder: Path) -> None:
        self._experiment, self._folder = experiment, folder
        self._seen: dict[str, Table] = {}
        """A test leaves those alone that only a validation fills."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._show(trainer)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._show(trainer)

    def _show(self, trainer: pl.Trainer) -> None:
        if not trainer.is_global_zero:
            return
        filled = evaluation_tables(self._experiment)
        new = {name: table for name, table in filled.items() if self._seen.get(name) is not table}
        self._seen.update(new)
        save_tables(new, self._folder)
        # Lightning logs the metrics of this evaluation under the same.
        step = trainer.fit_loop.epoch_loop._batches_that_stepped
        for logger in trainer.loggers:
            if hasattr(logger, "log_table"):
                for name, table in new.items():
                    logger.log_table(f"plots/{name}", table.columns, table.rows, step)
