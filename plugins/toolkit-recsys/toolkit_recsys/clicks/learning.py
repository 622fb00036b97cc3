"""What is learnt of a table before it is read for training: vocabularies, means, how many rows there are.

Imports pyarrow and NumPy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from toolkit_recsys.clicks.division import SPLITS, TRAIN, Division
from toolkit_recsys.clicks.schema import Field, Numerical, Schema, lists, numbers, values_and_codes
from toolkit_recsys.clicks.tables import Table
from toolkit_recsys.notes import counted, note


@dataclass(frozen=True)
class Asked:
    """Which columns a recipe asks for, and as what."""

    target: str
    categorical: Sequence[str]
    numerical: Sequence[str]
    multi: Mapping[str, str]
    """By name of a multi-valued column what separates its values."""
    threshold: float | None
    """From which target on a row is a click; None where targets are what they are."""
    kind: Literal["click", "number"]
    log: Sequence[str]
    hashing: Mapping[str, int]
    """By name of a column of categories how many numbers hashes of its values give."""
    min_count: int
    longest: int
    names: Sequence[str] | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        every = (*self.categorical, *self.numerical, *self.multi)
        if not every:
            raise ValueError("no features: name columns in categorical, numerical or multi")
        twice = [name for name, count in Counter((*every, self.target)).items() if count > 1]
        if twice:
            raise ValueError(f"the column {twice[0]!r} is asked for twice; a column is one feature, or the target")
        strange = [name for name in self.log if name not in self.numerical]
        if strange:
            raise ValueError(f"log: {strange[0]!r} is not one of the numerical columns")
        strange = [name for name in self.hashing if name not in (*self.categorical, *self.multi)]
        if strange:
            raise ValueError(f"hashing: {strange[0]!r} is not one of the columns in categorical or multi")
        few = {name: buckets for name, buckets in self.hashing.items() if buckets < 1}
        if few or self.min_count < 1 or self.longest < 1:
            raise ValueError("hashing, min_count and longest are numbers from 1 up")
        if self.threshold is not None and self.kind == "number":
            raise ValueError("threshold makes clicks of the target, and kind is number: leave one out")

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.categorical, *self.numerical, *self.multi)

    def targets(self, piece: Any, first: int, table: Table) -> np.ndarray[Any, Any]:
        """The targets of a piece, float32 `(rows,)`.

        Raises:
            ValueError: a target is missing, no number, or, of a click without a threshold, neither 0 nor 1.
        """

        def place(row: int) -> str:
            return table.place(first + row)

        found = numbers(piece.column(self.target), self.target, place)
        missing = np.flatnonzero(np.isnan(found))
        if len(missing):
            raise ValueError(f"{place(int(missing[0]))}: no {self.target!r} in this row")
        if self.threshold is not None:
            found = found >= self.threshold
        elif self.kind == "click":
            other = np.flatnonzero((found != 0) & (found != 1))
            if len(other):
                raise ValueError(
                    f"{place(int(other[0]))}: {self.target!r} is {found[other[0]]:g}, and a click is 0 or 1; give "
                    "threshold for the number from which on it is one, or kind=number for a rating"
                )
        return found.astype(np.float32)


class Part(NamedTuple):
    """A table, and how its rows are divided."""

    table: Table
    division: Division


class Piece(NamedTuple):
    """Some rows of a table."""

    table: Table
    first: int
    """The number of the first."""
    rows: Any
    """A record batch."""
    splits: np.ndarray[Any, Any]
    """By row the number of its split."""
    targets: np.ndarray[Any, Any]

    def place(self, row: int) -> str:
        return self.table.place(self.first + row)


def pieces(parts: Sequence[Part], asked: Asked) -> Iterator[Piece]:
    """All rows of several tables, with their splits and targets."""
    for table, division in parts:
        first = 0
        for rows in table.pieces(list(dict.fromkeys((*asked.columns, asked.target, *division.columns)))):
            if not rows.num_rows:
                continue
            yield Piece(table, first, rows, division.of(rows, first, table), asked.targets(rows, first, table))
            first += rows.num_rows
        if not first:
            raise ValueError(f"{table.path}: has no rows")


class Learnt(NamedTuple):
    """What is known of tables."""

    schema: Schema
    rows: dict[str, int]
    """By split."""

    def keeping(self, kept: bytes | None, path: Path) -> Learnt:
        """The same with the schema that a run has kept, where it has; a note tells if it is another one."""
        if kept is None or self.schema.to_bytes() == kept:
            return self
        note(f"{path}: not the rows that the run began with; values that are new in them are unknown to the model")
        return Learnt(Schema.from_bytes(kept), self.rows)


def learn(parts: Sequence[Part], asked: Asked) -> Learnt:
    """One pass over tables. What is held grows with the number of different values, and not with that of rows.

    Raises:
        ValueError: no row to train on, or a value that cannot be; the message begins with the file, and where it can
        with
            the line. All targets to train on are alike.
    """
    columns = Columns(asked)
    target, clicks = Moments(), np.zeros(len(SPLITS))
    rows = np.zeros(len(SPLITS), np.int64)
    for piece in pieces(parts, asked):
        rows += np.bincount(piece.splits, minlength=len(SPLITS))
        clicks += np.bincount(piece.splits, piece.targets, minlength=len(SPLITS))
        trained = piece.splits == TRAIN
        target.add(piece.targets[trained])
        columns.add(piece.rows, piece.place, trained)
    divided = dict(zip(SPLITS, rows.tolist(), strict=True))
    called = str(parts[0].table.path)
    if not divided["train"]:
        raise ValueError(f"{called}: no rows to train on of {counted(int(rows.sum()), 'row')}")
    if asked.kind == "click":
        _check_clicks(called, asked, divided, clicks)
    return Learnt(columns.schema(called, target.mean), divided)


class Columns:
    """The vocabularies, means and deviations of columns of features, from pieces of a table.

    Args:
        asked: which columns there are.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._counts = {
            name: Counter[str]() for name in (*asked.categorical, *asked.multi) if name not in asked.hashing
        }
        self._moments = {name: Moments() for name in asked.numerical}
        self._measures = {name: Numerical(name, log=name in asked.log) for name in asked.numerical}
        self._longest = 0

    def add(self, rows: Any, place: Callable[[int], str], counts: np.ndarray[Any, Any]) -> None:
        """Learn of a piece.

        Args:
            rows: a record batch.
            place: where a row of it lies.
            counts: which rows are learnt of, bool `(rows,)`.

        Raises:
            ValueError: a value cannot be.
        """
        for name in self._asked.categorical:
            if name in self._counts:
                values, codes = values_and_codes(rows.column(name))
                _count(self._counts[name], [[value] for value in values], codes[counts])
        for name, separator in self._asked.multi.items():
            several, codes = lists(rows.column(name), separator)
            self._longest = max(self._longest, *map(len, several), 0)
            if name in self._counts:
                _count(self._counts[name], several, codes[counts])
        for name, measure in self._measures.items():
            measured = measure.measured(numbers(rows.column(name), name, place)[counts])
            self._moments[name].add(measured[~np.isnan(measured)])

    def schema(self, called: str, target_mean: float | None = None) -> Schema:
        """What was learnt; `called` is the table in notes."""
        asked = self._asked
        if self._longest > asked.longest:
            note(f"{called}: rows of up to {self._longest} values; the first {asked.longest} are kept (longest)")
        return Schema(
            [self._field(name, None) for name in asked.categorical],
            [
                replace(self._measures[name], mean=each.mean, deviation=each.deviation or 1.0)
                for name, each in self._moments.items()
            ],
            [self._field(name, separator) for name, separator in asked.multi.items()],
            longest=max(1, min(self._longest, asked.longest)) if asked.multi else 0,
            task="binary" if asked.kind == "click" else None,
            target_mean=target_mean,
            names=asked.names,
            delimiter=asked.delimiter,
        )

    def _field(self, name: str, separator: str | None) -> Field:
        if name in self._asked.hashing:
            return Field(name, None, self._asked.hashing[name], separator)
        counts, least = self._counts[name], self._asked.min_count
        often = [(value, count) for value, count in counts.items() if value and count >= least]
        return Field(name, [value for value, _ in sorted(often, key=lambda each: (-each[1], each[0]))], 0, separator)


class Moments:
    """Mean and deviation of numbers that come in pieces (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, values: np.ndarray[Any, Any]) -> None:
        if not len(values):
            return
        values = values.astype(np.float64)
        mean, count = float(values.mean()), self.count + len(values)
        apart = mean - self.mean
        self._squares += float(np.square(values - mean).sum()) + apart**2 * self.count * len(values) / count
        self.mean += apart * len(values) / count
        self.count = count

    @property
    def deviation(self) -> float:
        """Of the numbers as they are, not of those that they were drawn from; 0 where there are none."""
        return float(np.sqrt(self._squares / self.count)) if self.count else 0.0


def _count(counts: Counter[str], values: Sequence[Sequence[str]], codes: np.ndarray[Any, Any]) -> None:
    """Count the values of rows, given as numbers of lists of values; -1 for a row without any."""
    times = np.bincount(codes[codes >= 0], minlength=len(values)).tolist()
    for several, count in zip(values, times, strict=True):
        if count:
            for value in several:
                counts[value] += count


def _check_clicks(called: str, asked: Asked, rows: Mapping[str, int], clicks: np.ndarray[Any, Any]) -> None:
    for (name, count), clicked in zip(rows.items(), clicks.tolist(), strict=True):
        if count and clicked in (0, count):
            every = (
                f"{called}: {counted(count, 'row')} of {name}, and all have a {asked.target!r} of {int(clicked > 0)}"
            )
            if asked.threshold is not None:
                every += f" (threshold={asked.threshold:g})"
            if name == "train":
                raise ValueError(f"{every}; there is nothing to tell apart")
            note(f"{every}: its AUC means nothing")
