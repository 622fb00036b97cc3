"""Interactions and titles from files. Imports pyarrow and NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit_recsys.columns import Coded, coded, read_columns
from toolkit_recsys.log import Log, without_repetitions
from toolkit_recsys.notes import counted, note
from toolkit_recsys.protocols import TEST, TRAIN, VAL, Parts

PARTS = {"train": TRAIN, "val": VAL, "test": TEST}


@dataclass(frozen=True)
class Schema:
    """Where a file has what; see `toolkit_recsys.dataset.interactions`."""

    user: str = "user_id"
    item: str = "item_id"
    value: str | None = None
    """None for `rating` where there is such a column."""
    time: str | None = None
    """None for `timestamp` where there is such a column."""
    columns: Sequence[str] | None = None
    separator: str | None = None
    encoding: str = "utf-8"

    def read(self, file: str | Path) -> Log:
        """The interactions of a file, each pair of a user and an item once.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such table.
        """
        value, time = self.value or "rating", self.time or "timestamp"
        columns = read_columns(
            file,
            ids=[self.user, self.item],
            numbers=[value],
            times=[time],
            optional=[name for name, given in ((value, self.value), (time, self.time)) if given is None],
            names=self.columns,
            separator=self.separator,
            encoding=self.encoding,
        )
        users, items = columns.ids[self.user], columns.ids[self.item]
        values = columns.numbers.get(value)
        log = Log(
            users.codes,
            items.codes,
            users.names,
            items.names,
            str(file),
            columns.times.get(time),
            None if values is None else values.astype(np.float32),
        )
        return without_repetitions(log)


def read_titles(
    file: str | Path, item: str, title: str, *, names: Sequence[str] | None = None, **more: str | None
) -> Mapping[str, str]:
    """What a file calls items, by their ids.

    Arguments:
        file: a table with a row for each item.
        item: the column of ids.
        title: the column of titles.
        names: see `toolkit_recsys.columns.read_columns`.
        more: `separator`, `encoding`.
    """
    columns = read_columns(file, ids=[item], texts=[title], names=names, **more)  # type: ignore[arg-type]
    ids = columns.ids[item]
    return {ids.names[code]: text for code, text in zip(ids.codes.tolist(), columns.texts[title], strict=True)}


def joined(logs: Mapping[str, Log]) -> tuple[Log, Parts]:
    """One log of those of the splits, and which split each row is in.

    A pair of a user and an item stays in the first split that has it: train, val, test.
    """
    given = [(name, logs[name]) for name in PARTS if name in logs]
    users = _together([(log.users, log.user_ids) for _, log in given])
    items = _together([(log.items, log.item_ids) for _, log in given])
    parts = np.concatenate([np.full(len(log), PARTS[name], dtype=np.int8) for name, log in given])
    log = Log(
        users.codes,
        items.codes,
        users.names,
        items.names,
        given[0][1].source,
        _known_in_all([log.times for _, log in given]),
        _known_in_all([log.values for _, log in given]),
    )
    _, first = np.unique(log.users * len(log.item_ids) + log.items, return_index=True)
    rows = np.sort(first)
    for name, _ in given:
        gone = int((parts == PARTS[name]).sum() - (parts[rows] == PARTS[name]).sum())
        if gone:
            note(
                f"{logs[name].source}: {counted(gone, 'interaction')} that an earlier split has too: left out of {name}"
            )
    return log.take(rows), parts[rows]


def _together(columns: Sequence[tuple[NDArray[np.int64], Sequence[str]]]) -> Coded:
    names = [name for _, ids in columns for name in ids]
    before = np.cumsum([0, *(len(ids) for _, ids in columns)])
    return coded(names, np.concatenate([codes + first for (codes, _), first in zip(columns, before, strict=False)]))


def _known_in_all(columns: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None
