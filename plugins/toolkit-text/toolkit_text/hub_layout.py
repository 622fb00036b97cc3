"""What a published set consists of, and what its copy lacks. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NAMES = {"train": "train", "val": "validation", "test": "test"}
"""What sets of the hub call the splits, most of them."""


@dataclass(frozen=True)
class HubLayout:
    """Splits and columns that a set has to have."""

    splits: tuple[str, ...]
    columns: tuple[str, ...]
    otherwise: str
    """What to write in a recipe to read a set that is laid out in another way."""
    inside: str = ""
    """A column that may hold these columns by their names."""

    def check(self, path: str, splits: Iterable[str], first: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Look at the names of the splits that are expected, and of their columns.

        Arguments:
            path: where the set is.
            splits: all that are there.
            first: the first row of each that is expected and there; None where it has none.

        Raises:
            ValueError: there is no such split, it has no rows, or they have not these columns.
        """
        self._has(path, "split", self.splits, splits)
        for split in self.splits:
            row = first[split]
            if row is None:
                raise ValueError(f"{path}: the split {split!r} has no rows")
            self._has(f"{path}: in the split {split!r}", "column", self.columns, self.texts(row))

    def texts(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """What holds the columns: the row, or its column `inside`."""
        inside = row.get(self.inside)
        return inside if isinstance(inside, Mapping) else row

    def _has(self, where: str, what: str, expected: Iterable[str], there: Iterable[str]) -> None:
        lacking = [name for name in expected if name not in there]
        if lacking:
            raise ValueError(
                f"{where}: no {what} {lacking[0]!r}; there are {', '.join(there)}, and expected are "
                f"{', '.join(expected)}. Files that are laid out in another way are read with dataset: {self.otherwise}"
            )


def split_name(path: str, split: str) -> str:
    """What a split of a set is called in messages."""
    return f"{path}: the split {split!r}"


def text_of(value: Any, where: str) -> str:
    """A value that has to be a text.

    Raises:
        ValueError: it is none; the message begins with `where`.
    """
    if not isinstance(value, str):
        raise ValueError(
            f"{where} is {value!r}, and a text is expected: "
            "in a folder that path names, leave the row out or give it an empty text"
        )
    return value
