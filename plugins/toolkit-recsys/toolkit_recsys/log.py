"""Interactions as they were read, and what is left out of them before they are divided. Imports NumPy.

Everything that is left out is counted, and told of in a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolkit_recsys.notes import counted, note

Rows = NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Log:
    """Who had to do with what, row by row."""

    users: NDArray[np.int64]
    """Numbers of users, `(rows,)`."""
    items: NDArray[np.int64]
    """Numbers of items, `(rows,)`."""
    user_ids: Sequence[str]
    """By number."""
    item_ids: Sequence[str]
    """By number."""
    source: str
    """Where they are from, for messages."""
    times: NDArray[np.float64] | None = None
    values: NDArray[np.float32] | None = None
    """Ratings or counts."""

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Rows) -> Log:
        """Some rows, by their numbers or by a mask; users and items keep their numbers."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            times=None if self.times is None else self.times[rows],
            values=None if self.values is None else self.values[rows],
        )


def last_of_each(log: Log) -> NDArray[np.int64]:
    """The rows, in their order, without those whose user and item come again: the latest of each stays.

    By time where times are known; of equal times, and without times, the last row.
    """
    order = np.arange(len(log)) if log.times is None else np.argsort(log.times, kind="stable")
    key = log.users[order] * len(log.item_ids) + log.items[order]
    # np.unique tells of the first of each: seen from the end, that is the last.
    _, first = np.unique(key[::-1], return_index=True)
    rows: NDArray[np.int64] = np.sort(order[len(order) - 1 - first])
    return rows


def without_repetitions(log: Log) -> Log:
    """A log in which every pair of a user and an item is there once, the latest."""
    rows = last_of_each(log)
    if len(rows) == len(log):
        return log
    what = counted(len(log) - len(rows), "interaction")
    note(f"{log.source}: {what} of a user with an item of earlier or later rows: the latest of each pair is kept")
    return log.take(rows)


def liked(log: Log, min_value: float | None) -> Log:
    """The interactions whose value is `min_value` at least.

    Raises:
        ValueError: there are no values, or none is left.
    """
    if min_value is None:
        return log
    if log.values is None:
        raise ValueError(f"{log.source}: min_value={min_value:g}, and no column of values is known; name it in `value`")
    rows = log.values >= min_value
    if not rows.any():
        raise ValueError(f"{log.source}: min_value={min_value:g}: the largest value is {log.values.max():g}")
    note(f"{log.source}: {counted(int((~rows).sum()), 'interaction')} of {len(log):,} below min_value={min_value:g}")
    return log.take(rows)


def core(log: Log, min_per_user: int, min_per_item: int) -> Log:
    """What is left when users and items with too few interactions are left out, again and again: for one number the
    k-core of the graph of users and items.

    Raises:
        ValueError: nothing is left.
    """
    if min(min_per_user, min_per_item) < 1:
        raise ValueError(f"min_per_user={min_per_user}, min_per_item={min_per_item}: numbers from 1 up")
    rows = core_rows(log.users, log.items, min_per_user, min_per_item)
    if len(rows) == len(log):
        return log
    asked = f"min_per_user={min_per_user}, min_per_item={min_per_item}"
    if not len(rows):
        raise ValueError(f"{log.source}: {asked}: nothing is left of {counted(len(log), 'interaction')}")
    left = log.take(rows)
    gone = f"{counted(len(log) - len(left), 'interaction')} left out"
    users, items = len(np.unique(left.users)), len(np.unique(left.items))
    note(f"{log.source}: {asked}: {gone}; {counted(users, 'user')} and {counted(items, 'item')} stay")
    return left


def core_rows(
    users: NDArray[np.int64], items: NDArray[np.int64], min_per_user: int, min_per_item: int
) -> NDArray[np.int64]:
    """The rows of the largest part in which every user and every item has as many, in their order."""
    rows = np.arange(len(users))
    while len(rows):
        enough = np.bincount(users[rows])[users[rows]] >= min_per_user
        enough &= np.bincount(items[rows])[items[rows]] >= min_per_item
        if enough.all():
            break
        rows = rows[enough]
    return rows


def renumbered(log: Log) -> Log:
    """Users and items without gaps in their numbers: those that have no row are left out."""

    def dense(numbers: NDArray[np.int64], ids: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
        kept, new = np.unique(numbers, return_inverse=True)
        return new.reshape(-1).astype(np.int64), [ids[number] for number in kept.tolist()]

    users, user_ids = dense(log.users, log.user_ids)
    items, item_ids = dense(log.items, log.item_ids)
    return replace(log, users=users, items=items, user_ids=user_ids, item_ids=item_ids)
