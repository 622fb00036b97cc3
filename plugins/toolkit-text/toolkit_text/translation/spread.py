"""Some of a stream's items, spread evenly over it. Imports nothing heavy."""

from __future__ import annotations

from typing import Any


class Spread:
    """Keeps some of the items that are added, as far apart as possible: never more than twice `size`.

    Evaluation sees the shortest texts first, and how many there are is known at the end alone.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[Any] = []
        self._every = 1
        self._seen = 0

    def add(self, item: Any) -> None:
        """Keep an item, or not."""
        if self._seen % self._every == 0 and len(self._kept) == 2 * self.size:
            self._kept = self._kept[::2]
            self._every *= 2
        if self._seen % self._every == 0:
            self._kept.append(item)
        self._seen += 1

    def taken(self) -> list[Any]:
        """What was kept; it begins anew."""
        kept, self._kept = self._kept, []
        self._every, self._seen = 1, 0
        return kept
