"""The results table that READMEs include: rows as Markdown between two markers. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.tracking import pages
from toolkit.tracking.console import duration, shown

_PART = ("results", "toolkit verify --write")
BEGIN, END = pages.markers(*_PART)

_COLUMNS = ("recipe", "metric", "value", "expected", "checkpoint", "time", "hardware", "date", "commit")


@dataclass(frozen=True, slots=True)
class Row:
    """One expectation of a recipe, and what a run reached."""

    recipe: str
    metric: str
    expected: str
    value: float | None
    met: bool
    checkpoint: str = ""
    """Whether the ``best`` or the ``last`` checkpoint was tested."""
    seconds: float = 0.0
    hardware: str = ""
    date: str = ""
    commit: str = ""
    """The commit the run was started from, with ``+`` where files differed from it."""
    reason: str = ""
    """Why there is no value."""
    left_out: bool = False
    """Whether the recipe was not run, because it needs a download and no server could be reached."""

    @property
    def shown_value(self) -> str:
        return "absent" if self.value is None else shown(float(self.value))

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        return (
            self.recipe,
            self.metric,
            self.shown_value,
            self.expected,
            self.checkpoint,
            duration(self.seconds),
            self.hardware,
            self.date,
            self.commit,
        )


def results_table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table."""
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *rows]
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def place_for_results(path: Path) -> str:
    """What stands in a Markdown file between the markers.

    Raises:
        RequestError: the file is missing or has not both markers.
    """
    return pages.place(path, *_PART)[1]


def write_results(path: Path, rows: Sequence[Row]) -> None:
    """Puts rows between the markers of a Markdown file; rows of recipes that were not run now stay as they are.

    Args:
        path: a file with both markers, such as a README.
        rows: what was reached. Only rows with a value are written.

    Raises:
        RequestError: the file is missing or has not both markers.
    """
    cells = {cells[:2]: cells for cells in _read_cells(place_for_results(path))}
    cells.update({row.cells()[:2]: row.cells() for row in rows if row.value is not None})
    pages.put(path, *_PART, results_table(cells[key] for key in sorted(cells)).rstrip("\n"))


def as_plain(row: Row) -> dict[str, object]:
    """A row as JSON prints it."""
    return dataclasses.asdict(row)


def _read_cells(table: str) -> list[tuple[str, ...]]:
    """The rows of a table that `results_table` has written."""
    lines = [line.strip() for line in table.strip().splitlines()][2:]
    split = [tuple(cell.strip().replace(r"\|", "|") for cell in line.strip("|").split(" | ")) for line in lines]
    return [cells for cells in split if len(cells) == len(_COLUMNS)]
