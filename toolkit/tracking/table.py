"""Reads and writes ``metrics.csv``, the wide table of a run's metrics, and rows of other tables.

Imports the standard library only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

STEP = "step"
EPOCH = "epoch"


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a table, and its rows without their empty cells.

    A last line that a crash has torn (it lacks its line end) is left out; so is everything of a file that is missing.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    whole = content[: content.rfind(b"\n") + 1].decode()
    lines = csv.reader(io.StringIO(whole))
    columns = next(lines, [])
    rows = [{column: text for column, text in zip(columns, line, strict=False) if text} for line in lines]
    return columns, rows


def read_series(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Every metric of a table as pairs of step and value, in the order of the columns."""
    columns, rows = read_table(path)
    return {
        column: [(int(row[STEP]), float(row[column])) for row in rows if column in row]
        for column in columns
        if column not in (STEP, EPOCH)
    }


def encode_table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """A whole table, header first."""
    header = {column: column for column in columns}
    return b"".join(encode_line(columns, row) for row in [header, *rows])


def encode_line(columns: Sequence[str], row: Mapping[str, str]) -> bytes:
    """One row of a table, with empty cells where it has no value."""
    return encode_cells([row.get(column, "") for column in columns])


def encode_cells(cells: Iterable[object]) -> bytes:
    """One row of any table; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    # What a model makes of bytes need not be Unicode.
    return text.getvalue().encode("utf-8", "backslashreplace")
