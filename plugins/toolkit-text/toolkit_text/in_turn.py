"""Several readers that take turns. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit_text.resumable import Item, Resumable


class InTurn(Resumable[Item]):
    """What several readers read, one item of each after the other; those that have ended are passed over.

    Arguments:
        readers: at the beginning, where every iteration begins but for one after a loaded state.
    """

    def __init__(self, readers: Sequence[Resumable[Item]]) -> None:
        self._readers = readers
        self._turn = 0
        self._beginning = self.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Where the readers are, and whose turn it is."""
        return {"readers": [reader.state_dict() for reader in self._readers], "turn": self._turn}

    def _begin(self) -> None:
        # One whose turn has not come would still tell where the iteration before has left it.
        self._go_to(self._beginning)

    def _go_to(self, state: Mapping[str, Any]) -> None:
        for reader, its in zip(self._readers, state["readers"], strict=True):
            reader.load_state_dict(its)
        self._turn = state["turn"]

    def _items(self) -> Iterator[Item]:
        reading = dict(enumerate(map(iter, self._readers)))
        while reading:
            own = self._turn
            self._turn = (own + 1) % len(self._readers)
            if own not in reading:
                continue
            try:
                item = next(reading[own])
            except StopIteration:
                del reading[own]
            else:
                yield item
