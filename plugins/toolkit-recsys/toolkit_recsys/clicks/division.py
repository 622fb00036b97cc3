"""Which rows of a table are to train, validate and test on. Imports NumPy.

A way to divide is asked piece by piece, and answers by the place of a row alone: tables may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from toolkit_recsys.clicks.schema import numbers, values_and_codes
from toolkit_recsys.clicks.tables import Table

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)
NAMES_OF_SPLITS = {name: number for number, name in enumerate(SPLITS)} | {"valid": VAL, "validation": VAL, "dev": VAL}
"""What a column of splits may hold, and what it means."""
TIMES = 1_000_000
"""So many times are looked at, to find those at which splits begin."""

Numbers = np.ndarray[Any, Any]


class Division(Protocol):
    """Says of rows which split they are in."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it looks at."""
        ...

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        """By row the number of its split in `SPLITS`, int8 `(rows,)`.

        Args:
            piece: a record batch.
            first: the number of its first row in the table.
            table: the table, for messages.
        """
        ...


@dataclass(frozen=True)
class Shares:
    """The shares to validate and test on; what is left is trained on."""

    val: float
    test: float

    def __post_init__(self) -> None:
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise ValueError(f"val_share={self.val}, test_share={self.test}: from 0 to below 1, and so together")

    def of(self, uniform: Numbers) -> Numbers:
        """Of numbers from 0 to below 1 the split that each falls into."""
        train = 1 - self.val - self.test
        return np.digitize(uniform, [train, train + self.val]).astype(np.int8)


@dataclass(frozen=True)
class Whole:
    """All rows in one split: a file of its own."""

    split: int
    columns: tuple[str, ...] = ()

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        return np.full(piece.num_rows, self.split, np.int8)


@dataclass(frozen=True)
class Random:
    """Each row by a hash of its number and the seed: shares are as wanted but for chance."""

    shares: Shares
    seed: int
    columns: tuple[str, ...] = ()

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        return self.shares.of(uniform(first, piece.num_rows, self.seed))


@dataclass(frozen=True)
class Fold:
    """One of several equal parts, by a hash of a row's number, is the test split; of the rest a share is for `val`."""

    fold: int
    folds: int
    val_share: float
    seed: int
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.folds < 2 or not 0 <= self.fold < self.folds:
            raise ValueError(f"fold={self.fold}: a number from 0 to below folds={self.folds}, which is 2 or more")

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        drawn = uniform(first, piece.num_rows, self.seed) * self.folds
        rest = Shares(self.val_share, 0).of(drawn % 1)
        return np.where(drawn.astype(int) == self.fold, np.int8(TEST), rest).astype(np.int8)


@dataclass(frozen=True)
class ByColumn:
    """As a column says: train, val (valid, validation, dev) or test."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        values, codes = values_and_codes(piece.column(self.column))
        known = np.array([*(NAMES_OF_SPLITS.get(value, -1) for value in values), -1], np.int8)[codes]
        wrong = np.flatnonzero(known < 0)
        if len(wrong):
            row = int(wrong[0])
            value = values[codes[row]] if codes[row] >= 0 else ""
            raise ValueError(f"{table.place(first + row)}: the split {value!r} is none of {', '.join(NAMES_OF_SPLITS)}")
        found: Numbers = known
        return found


@dataclass(frozen=True)
class ByTime:
    """The earliest rows to train on, the latest to test on."""

    column: str
    starts: tuple[float, float]
    """The times at which validation and test begin."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @classmethod
    def of_table(cls, table: Table, column: str, shares: Shares) -> ByTime:
        """Where splits of these shares begin; in a table of more than `TIMES` rows, by that many of them.

        Raises:
            ValueError: a time is missing, or no number; or all are alike.
        """
        kept, rows = np.empty(0), 0
        ranks = np.empty(0)
        for piece in table.pieces([column]):
            times, first = _times(piece, column, rows, table), rows
            kept = np.concatenate((kept, times))
            ranks = np.concatenate((ranks, uniform(first, len(times), 0)))
            rows += len(times)
            if len(kept) > 2 * TIMES:
                kept, ranks = _lowest(kept, ranks)
        kept, ranks = _lowest(kept, ranks)
        if len(kept) and kept.min() == kept.max():
            raise ValueError(f"{table.path}: all rows have the same {column!r}, so they cannot be divided by it")
        train = 1 - shares.val - shares.test
        val, test = (float(each) for each in np.quantile(kept, [train, train + shares.val], method="higher"))
        return cls(column, (val if shares.val else test, test if shares.test else float("inf")))

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        return np.digitize(_times(piece, self.column, first, table), self.starts).astype(np.int8)


@dataclass(frozen=True)
class InGroups:
    """Of each group, such as a user, a random share of its rows. It holds a byte for each row of the table."""

    splits: Numbers
    columns: tuple[str, ...] = ()

    @classmethod
    def of_table(cls, table: Table, column: str, shares: Shares, seed: int) -> InGroups:
        """Of a group of n rows, `floor(n * share)` are tested on, likewise for validation, and the rest trained on.

        A split whose share is above 0 gets a row of every group of three or more.
        """
        numbers_of: dict[str, int] = {}
        groups = []
        for piece in table.pieces([column]):
            values, codes = values_and_codes(piece.column(column))
            known = [numbers_of.setdefault(value, len(numbers_of)) for value in values]
            groups.append(np.array([*known, numbers_of.setdefault("", len(numbers_of))])[codes])
        group = np.concatenate(groups) if groups else np.empty(0, np.int64)
        order = np.lexsort((uniform(0, len(group), seed), group))
        counts = np.bincount(group)
        starts = counts.cumsum() - counts
        place = np.empty(len(group), np.int64)
        place[order] = np.arange(len(group)) - starts[group[order]]
        counts = counts[group]

        def part(share: float) -> Numbers:
            least = np.where(counts >= 3, 1, 0) if share else 0
            return np.maximum((counts * share).astype(np.int64), least)

        test, val = part(shares.test), part(shares.val)
        splits = np.where(place < test, TEST, np.where(place < test + val, VAL, TRAIN)).astype(np.int8)
        return cls(splits)

    def of(self, piece: Any, first: int, table: Table) -> Numbers:
        return self.splits[first : first + piece.num_rows]


def uniform(first: int, rows: int, seed: int) -> Numbers:
    """Numbers from 0 to below 1, float64 `(rows,)`, each of its row's number and the seed alone (SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = np.arange(first, first + rows, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(seed % 2**32 + 1) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53


def _lowest(values: Numbers, ranks: Numbers) -> tuple[Numbers, Numbers]:
    """The `TIMES` values of the lowest ranks, and those."""
    if len(values) <= TIMES:
        return values, ranks
    lowest = np.argpartition(ranks, TIMES)[:TIMES]
    return values[lowest], ranks[lowest]


def _times(piece: Any, column: str, first: int, table: Table) -> Numbers:
    times = numbers(piece.column(column), column, lambda row: table.place(first + row))
    missing = np.flatnonzero(np.isnan(times))
    if len(missing):
        raise ValueError(f"{table.place(first + int(missing[0]))}: no {column!r} in this row")
    return times
