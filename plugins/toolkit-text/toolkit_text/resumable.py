"""What is read one item after the other, and goes on where reading stopped. Imports nothing heavy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Resumable(ABC, Generic[Item]):
    """Begins anew in every iteration, but for the one after a loaded state."""

    _going_on = False

    def __iter__(self) -> Iterator[Item]:
        if not self._going_on:
            self._begin()
        self._going_on = False
        # No generator itself: what `state_dict` tells is right before the first item too.
        return self._items()

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the item that came last."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Have the next iteration go on where another one was."""
        self._go_to(state)
        self._going_on = True

    @abstractmethod
    def _begin(self) -> None:
        """Be where an iteration begins."""

    @abstractmethod
    def _go_to(self, state: Mapping[str, Any]) -> None:
        """Be where another iteration was."""

    @abstractmethod
    def _items(self) -> Iterator[Item]:
        """What comes from there on."""
