"""How interactions are divided into those to train, to validate and to test on. Imports torch and NumPy."""

from __future__ import annotations

from typing import Literal, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from toolkit_recsys.log import Log

TRAIN, VAL, TEST = range(3)
Parts = NDArray[np.int8]
"""For each row `TRAIN`, `VAL` or `TEST`."""


class SplitProtocol(Protocol):
    """A way to divide. Every pair of a user and an item is in the log once."""

    def divide(self, log: Log) -> Parts:
        """Which part each row is in, `(rows,)`.

        Raises:
            ValueError: the log lacks what the protocol goes by.
        """
        ...


def protocol_of(split: object) -> SplitProtocol:
    """The part that a recipe names, `random_ratio` where it names none.

    Raises:
        ValueError: it is something else, such as a bare name.
    """
    if split is None:
        return RandomRatio()
    if not hasattr(split, "divide"):
        name = split if isinstance(split, str) else "random_ratio"
        raise ValueError(f"split={split!r} is no part that divides; write split: {{use: {name}}}")
    return cast("SplitProtocol", split)


class RandomRatio:
    """Shares drawn by chance.

    Of `n` interactions, `val * n` and `test * n` are cut off, rounded down; where that is less than one, it is one as
    long as more than one is left to train on, the test split first. Those are the numbers of RecBole's `RS`.

    Args:
        val: share to validate on.
        test: share to test on.
        by: `user` takes the shares of each user's interactions, `global` of all together.
        seed: which ones; the same seed draws the same on every machine.

    Raises:
        ValueError: the shares leave nothing to train on.
    """

    def __init__(
        self, val: float = 0.1, test: float = 0.1, by: Literal["user", "global"] = "user", seed: int = 0
    ) -> None:
        _check_shares(val, test)
        self.val, self.test, self.by, self.seed = val, test, by, seed

    def divide(self, log: Log) -> Parts:
        order = torch.randperm(len(log), generator=torch.Generator().manual_seed(self.seed)).numpy()
        groups = log.users if self.by == "user" else np.zeros_like(log.users)
        return _cut_off_the_ends(order, groups, *_shares(np.bincount(groups), self.val, self.test))


class LeaveOneOut:
    """The last interaction of each user to test on, the one before it to validate on.

    A user with two has none to validate on, one with a single interaction none to test on either. Of equal times the
    row that comes later in the data is the later one.
    """

    def divide(self, log: Log) -> Parts:
        counts = np.bincount(log.users)
        order = _by_time(log, "leave_one_out")
        return _cut_off_the_ends(order, log.users, (counts > 2).astype(np.int64), (counts > 1).astype(np.int64))


class ByTime:
    """The latest interactions to test on, those before them to validate on.

    As many as with `random_ratio`; of equal times the row that comes later in the data is the later one. With
    `by: global` users and items come up that were not there before, as when a recommender is in use.

    Args:
        val: share to validate on.
        test: share to test on.
        by: `user` takes the shares of each user's interactions, `global` of all together.

    Raises:
        ValueError: the shares leave nothing to train on.
    """

    def __init__(self, val: float = 0.1, test: float = 0.1, by: Literal["user", "global"] = "user") -> None:
        _check_shares(val, test)
        self.val, self.test, self.by = val, test, by

    def divide(self, log: Log) -> Parts:
        order = _by_time(log, "by_time")
        groups = log.users if self.by == "user" else np.zeros_like(log.users)
        return _cut_off_the_ends(order, groups, *_shares(np.bincount(groups), self.val, self.test))


def _check_shares(val: float, test: float) -> None:
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise ValueError(f"val={val}, test={test}: shares from 0 to below 1 that leave some to train on")


def _by_time(log: Log, protocol: str) -> NDArray[np.int64]:
    if log.times is None:
        raise ValueError(
            f"{log.source}: the split {protocol} goes by time, and no column of times is known; name it in `time`, or "
            "take the split random_ratio"
        )
    order: NDArray[np.int64] = np.argsort(log.times, kind="stable")
    return order


def _shares(counts: NDArray[np.int64], val: float, test: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of each group to validate and to test on."""
    # 0.29 * 100 is 28.999999999999996.
    cut = {share: np.floor(share * counts + 1e-9).astype(np.int64) for share in (val, test)}
    to_val, to_test = cut[val].copy(), cut[test].copy()
    left = counts - to_val - to_test
    for share, numbers in ((test, to_test), (val, to_val)):
        one = (left > 1) & (share * counts > 0) & (numbers == 0)
        numbers += one
        left -= one
    return to_val, to_test


def _cut_off_the_ends(
    order: NDArray[np.int64], groups: NDArray[np.int64], to_val: NDArray[np.int64], to_test: NDArray[np.int64]
) -> Parts:
    """The last rows of each group to test on, those before them to validate on.

    Arguments:
        order: the rows, in the order that says which are last.
        groups: of each row.
        to_val: so many of each group.
        to_test: so many of each group.
    """
    order = order[np.argsort(groups[order], kind="stable")]
    counts = np.bincount(groups)
    ends = np.repeat(counts.cumsum(), counts)
    from_end = ends - 1 - np.arange(len(order))
    test = np.repeat(to_test, counts)
    parts = np.empty(len(order), dtype=np.int8)
    parts[order] = np.select([from_end < test, from_end < test + np.repeat(to_val, counts)], [TEST, VAL], TRAIN)
    return parts
