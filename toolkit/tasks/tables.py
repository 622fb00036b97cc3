"""A table that a task leaves to be looked at: generated texts, worst mistakes. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Named columns and rows of plain values.

    A task has these by name in an attribute `tables`, beside `pictures`: after an evaluation, and after every
    validation of a fit, each becomes ``plots/<name>.csv`` and goes to the loggers that show tables. One that is the
    same object as after the evaluation before is old news: make a new one each time.

    Args:
        columns: the columns' names.
        rows: each a value for every column; None where there is none.

    Raises:
        ValueError: a row has more or fewer values than there are columns.
    """

    columns: tuple[str, ...]
    rows: list[list[str | int | float | None]]

    def __post_init__(self) -> None:
        wrong: Sequence[object] | None = next((row for row in self.rows if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise ValueError(f"a table of {len(self.columns)} columns has a row of {len(wrong)} values: {wrong}")
