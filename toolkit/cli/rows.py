"""Rows of plain values as lines of JSON or CSV, and text, written as they come. Imports the standard library only."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO


class RowFile:
    """A file of rows, or standard output.

    Args:
        path: a name that ends in ``.csv`` makes CSV, any other lines of JSON; standard output when None. The file is
            made with the first row.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None if path is not None else sys.stdout
        self._csv: Any = None

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._path is not None and self._file is not None:
            self._file.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Writes a row. In CSV the first names the columns, and what is neither a number nor text is JSON."""
        if self._file is None:
            assert self._path is not None
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "x", encoding="utf-8", newline="")  # noqa: SIM115 (closed in __exit__)
        if self._path is None or self._path.suffix != ".csv":
            print(json.dumps(_finite(row), ensure_ascii=False), file=self._file, flush=self._path is None)
            return
        if self._csv is None:
            self._csv = csv.DictWriter(self._file, list(row), lineterminator="\n")
            self._csv.writeheader()
        self._csv.writerow({key: _cell(value) for key, value in row.items()})


class Streamed:
    """A text on standard output, piece by piece; a line end comes behind it whatever ends it."""

    def __init__(self) -> None:
        self._begun = False

    def __enter__(self) -> Streamed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._begun and not isinstance(error, BrokenPipeError):
            print(flush=True)

    def write(self, piece: str) -> None:
        """Writes a piece, so that whoever waits sees it."""
        self._begun = True
        print(piece, end="", flush=True)


def _cell(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else json.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(child) for child in value]
    return value
