"""Some of the utterances of an evaluation, spread evenly over it. Imports nothing heavy."""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Examples(Generic[Item]):
    """Keeps some of the items that are added, as far apart as possible: never more than twice `size`.

    An evaluation hears the shortest utterances first, and how many there are is known at the end alone.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[Item] = []
        self._every = 1
        self._seen = 0

    @property
    def wants(self) -> bool:
        """Whether the next item would be kept."""
        return self._seen % self._every == 0

    def add(self, item: Item | None) -> None:
        """Keep an item, or not; it may be None where it is not wanted."""
        if self.wants and len(self._kept) == 2 * self.size:
            self._kept = self._kept[::2]
            self._every *= 2
        if self.wants and item is not None:
            self._kept.append(item)
        self._seen += 1

    def taken(self) -> list[Item]:
        """What was kept; it begins anew."""
        kept, self._kept = self._kept, []
        self._every, self._seen = 1, 0
        return kept
