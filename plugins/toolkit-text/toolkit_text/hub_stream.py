"""Rows that are read from the Hugging Face hub while they are used. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from toolkit_text.resumable import Resumable


class HubStream(Resumable[Mapping[str, Any]]):
    """Rows of a stream of the library `datasets` that begin anew in every iteration, but for one after a loaded state.

    The library's own stream (datasets 5.2.0) goes on from a state that was loaded once in every later iteration of the
    same epoch too; and before the first row after it, tells a state that is not the one loaded.

    Arguments:
        rows: an `IterableDataset`.
    """

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self._beginning = deepcopy(rows.state_dict())
        self._from = self._beginning
        self._reading = False

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the row that came last."""
        state: dict[str, Any] = deepcopy(self._rows.state_dict() if self._reading else self._from)
        return state

    def again(self) -> HubStream:
        """Another reader of the same rows, which goes on without this one, and is at the beginning."""
        another = deepcopy(self)
        another.load_state_dict(self._beginning)
        return another

    def _begin(self) -> None:
        self._from, self._reading = self._beginning, False

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self._from, self._reading = deepcopy(dict(state)), False

    def _items(self) -> Iterator[Mapping[str, Any]]:
        # Copied: the library counts on in what it is given.
        self._rows.load_state_dict(deepcopy(self._from))
        for row in self._rows:
            self._reading = True
            yield row
