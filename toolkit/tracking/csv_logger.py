"""The logger `csv`: one wide table a run, ``metrics.csv``, that a resumed run continues as if nothing had happened.

Imports Lightning's logger base class and nothing else that is heavy.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.loggers import Logger

from toolkit.tracking.files import write_atomic
from toolkit.tracking.table import STEP, encode_line, encode_table, read_table


class CSVLogger(Logger):
    """Writes all metrics of a run to ``metrics.csv``: a row for every logged step, a column for every metric.

    Rows are appended; the file is rewritten only when a metric appears for the first time and needs a column.
    What is logged for the step of the last row is added to that row.

    Args:
        save_dir: the run's folder.
        name: the recipe's name.
        version: the run's id.
    """

    def __init__(self, save_dir: str, name: str = "", version: str = "") -> None:
        super().__init__()
        self._save_dir = save_dir
        self._name = name
        self._version = version
        self._file: FileIO | None = None
        self._columns: list[str] = []
        self._row: dict[str, str] = {}
        self._row_start = 0
        """Where in the file the last row begins: only that row can still grow."""

    @property
    def path(self) -> Path:
        return Path(self._save_dir) / "metrics.csv"

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        return self._version

    @property
    def save_dir(self) -> str:
        return self._save_dir

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Writes nothing: the run's ``recipe.yaml`` has them all."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds the metrics of one step to the table, and hands them to the operating system before it returns.

        Args:
            metrics: names such as ``train/loss``, and their values.
            step: the step they belong to; None means that of the last row.

        Raises:
            OSError: the row could not be written, on a full disk for instance.
        """
        if self._file is None:
            self._open()
        at = self._row.get(STEP, "0") if step is None else str(step)
        if self._row.get(STEP) != at:
            self._row = {STEP: at}
            self._row_start = self._end()
        self._row.update({name: _text(value) for name, value in metrics.items() if name != STEP})
        missing = [column for column in self._row if column not in self._columns]
        if missing:
            self._widen(missing)
        self._write_row()

    @rank_zero_only
    def cut(self, step: int) -> None:
        """Removes the rows of ``step`` and later, and the columns that only they had: a resumed run logs them again.

        Args:
            step: the first step that the resumed run will log.
        """
        self._close()
        columns, rows = read_table(self.path)
        kept = [row for row in rows if int(row[STEP]) < step]
        used = [column for column in columns if any(column in row for row in kept)]
        if kept:
            write_atomic(self.path, encode_table(used, kept))
        else:
            self.path.unlink(missing_ok=True)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Closes the file; a later `log_metrics` opens it again."""
        self._close()

    def _open(self) -> None:
        columns, rows = read_table(self.path)
        self._rewrite(columns, rows[:-1])
        if rows:
            self._row = rows[-1]
            self._write_row()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._columns, self._row, self._row_start = None, [], {}, 0

    def _widen(self, missing: list[str]) -> None:
        """Gives the table more columns; its last row, if that is the one being logged, is left to `_write_row`."""
        columns, rows = read_table(self.path)
        finished = [row for row in rows if row[STEP] != self._row[STEP]]
        self._rewrite([*columns, *missing], finished)

    def _rewrite(self, columns: list[str], rows: list[dict[str, str]]) -> None:
        content = encode_table(columns, rows) if columns else b""
        write_atomic(self.path, content)
        if self._file is not None:
            self._file.close()
        # Unbuffered: a process that is killed then loses no finished row.
        self._file = FileIO(self.path, "r+b")
        self._columns = columns
        self._row_start = len(content)

    def _end(self) -> int:
        assert self._file is not None
        return self._file.seek(0, os.SEEK_END)

    def _write_row(self) -> None:
        assert self._file is not None
        if self._end() > self._row_start:
            self._file.seek(self._row_start)
            self._file.truncate()
        rest = memoryview(encode_line(self._columns, self._row))
        # The disk that is nearly full takes a part first and raises only at the next attempt.
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


def _text(value: float) -> str:
    # The shortest text that reads back as the same number: two runs that agree bit for bit have the same file.
    return str(int(value)) if isinstance(value, int) else repr(float(value))
