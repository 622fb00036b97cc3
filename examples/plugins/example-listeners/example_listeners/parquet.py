"""Keeps the metrics of a run as Parquet, for tables over many runs. Imports pyarrow, and the mark of a listener."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from toolkit.hooks import hookimpl

FILE = "metrics.parquet"


@hookimpl
def toolkit_run_finished(run: Any, result: Any) -> None:
    """Writes the file."""
    _write(run)


@hookimpl
def toolkit_run_failed(run: Any, error: BaseException) -> None:
    """Writes what there is so far."""
    _write(run)


def _write(run: Any) -> None:
    source: Path = run.folder.metrics_csv
    if not run.is_main or not source.is_file():  # the recipe says `loggers: {csv: null}`, or the run ended too early
        return
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.csv.read_csv(source)
    for name, value in (("recipe", run.name), ("run", run.id)):
        table = table.add_column(0, name, pyarrow.array([value] * len(table)).dictionary_encode())
    # Whole or not at all, also where somebody reads while a resumed run ends.
    unfinished = run.folder.path / f"{FILE}.part"
    pyarrow.parquet.write_table(table, unfinished)
    os.replace(unfinished, run.folder.path / FILE)
