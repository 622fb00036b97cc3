"""Tables of results, 80 columns wide. Imports nothing heavy."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.frame import LARGEST_SPREAD, Measured

WIDTH = 80
NAME, VALUE, RATIO, RANGE, SECOND = 37, 10, 9, 12, 12

ABSENT = "not installed here"
NOT_RUN = "not run here"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: a variant, what it is called there, and why it was not measured if it was not."""

    variant: str
    label: str
    missing: str = ""

    def of(self, what: str) -> Row:
        """The same line for one of several numbers that were measured at once; see `benchmarks.frame.flat`."""
        return Row(f"{what}/{self.variant}", self.label, self.missing)


@dataclass(frozen=True, slots=True)
class Against:
    """What a column of ratios is taken against: its heading, and a variant."""

    heading: str
    variant: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: a title, a heading, a line for every variant, and what is to be said below."""

    title: str
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = [line for note in self.notes for line in textwrap.wrap(note, WIDTH)]
        return "\n".join([self.title, "", *self.lines, *([""] if notes else []), *notes])


def table(
    title: str,
    unit: str,
    rows: Sequence[Row],
    measured: Measured,
    first: Against,
    second: Against | None = None,
    *,
    scale: float = 1.0,
    digits: int = 0,
    notes: Sequence[str] = (),
) -> Table:
    """A table of what was measured.

    Args:
        title: above the table.
        unit: of the values, once they are multiplied by ``scale``.
        rows: the variants in order.
        measured: the measurements.
        first: what the ratios with their range are taken against: what is written by hand.
        second: what a second column of ratios is taken against.
        scale: from what was measured to the unit.
        digits: of the values, behind the point.
        notes: sentences to stand below.
    """
    heading = f"{'':<{NAME}}{unit:>{VALUE}}{first.heading:>{RATIO}}{'range':>{RANGE}}"
    lines = [heading + (f"{second.heading:>{SECOND}}" if second else "")]
    for row in rows:
        missing = row.missing or ("" if measured.kept else "no measurement was kept")
        if missing:
            lines.append(f"{row.label:<{NAME}}{missing:>{VALUE + RATIO + RANGE}}")
            continue
        value = statistics.median(measured.values(row.variant)) * scale
        ratios = measured.ratios(row.variant, first.variant)
        line = f"{row.label:<{NAME}}{value:>{VALUE},.{digits}f}{_shown(statistics.median(ratios)):>{RATIO}}"
        line += f"{f'{_shown(min(ratios))}-{_shown(max(ratios))}' if row.variant != first.variant else '':>{RANGE}}"
        if second is not None:
            line += f"{_shown(statistics.median(measured.ratios(row.variant, second.variant))):>{SECOND}}"
        lines.append(line)
    return Table(title, tuple(line.rstrip() for line in lines), (*notes, _kept(measured)))


def _shown(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 99.995 else f"{ratio:.0f}"


def not_run(title: str, rows: Sequence[Row], why: str) -> Table:
    """The table of what this machine cannot measure."""
    return Table(title, tuple(f"{row.label:<{NAME}}{NOT_RUN:>{VALUE + RATIO + RANGE}}" for row in rows), (why,))


def _kept(measured: Measured) -> str:
    """Of how much the table is made, and what was discarded."""
    rounds = max((len(values) for one in measured.kept for values in one.values()), default=0)
    said = f"Measurements: {len(measured.kept)}, of {rounds} rounds each."
    if measured.discarded:
        spreads = ", ".join(f"{one:.0%}" for one in measured.discarded)
        said += (
            f" Discarded whole: {len(measured.discarded)} more, in which the baseline's rounds spread by {spreads} "
            f"(the middle half of them; at most {LARGEST_SPREAD:.0%} is kept)."
        )
    return said
