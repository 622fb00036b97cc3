"""Samples of more text than memory holds, shuffled among neighbours. Imports torch when they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol

from toolkit_text.notes import counted
from toolkit_text.resumable import Item, Resumable

if TYPE_CHECKING:
    from torch import Tensor

GROUPS = 20
"""Groups of a window: the 512 samples of one are of similar length. Who makes the batches, the toolkit's loader, tells
nobody how large they are: those of 512, 256, 128, ... samples on all processes together lie in one group each. Larger
groups would leave less of a window shuffled."""
READ = "read"
"""What counts all that was read."""


class Window(Protocol):
    """Samples that are shuffled among each other, such as a list. A shape, not a base class."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Any: ...


class ShuffledStream(Resumable[Any], Generic[Item]):
    """Samples of what is read one after the other, shuffled among `neighbours`.

    Their order depends on the epoch and the place alone; a twentieth of a window at a time is of similar length, so
    that batches are padded little. What is left out is counted, and told of the first window and of every epoch that is
    read to its end.

    Arguments:
        items: that are read.
        beginning: the state of `items` where an epoch begins.
    """

    noun: ClassVar[str]
    """What one item is called in notes."""
    neighbours: ClassVar[int] = 10_240
    """So many samples, a window, are shuffled among each other."""

    def __init__(self, items: Resumable[Item], beginning: Mapping[str, Any]) -> None:
        self.items = items
        self.epoch = 0
        self._beginning = beginning
        self._begin()

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """Where reading is: after so many samples of a window, and where `items` were before that window."""
        return {"window": self._window, "place": self._place, "items": self._from, "seen": dict(self._seen)}

    def _begin(self) -> None:
        self._window = self._place = 0
        self._from, self._seen = self._beginning, Counter[str]()

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self._window, self._place = state["window"], state["place"]
        self._from, self._seen = state["items"], Counter(state["seen"])

    def _items(self) -> Iterator[Any]:
        self.items.load_state_dict(self._from)
        items = iter(self.items)
        while True:
            seen = self._seen.copy()
            samples, lengths = self._next_window(items, seen)
            if not len(samples):
                break
            if self._window == self.epoch == 0 and len(samples) == self.neighbours:
                self._tell(seen, f"of the first {counted(seen[READ], self.noun)} to train on")
            for number in self._order(lengths)[self._place :]:
                self._place += 1
                yield samples[number]
            self._window, self._place, self._from = self._window + 1, 0, self.items.state_dict()
            self._seen = seen
        self._tell(seen, f"of {counted(seen[READ], self.noun)} to train on in epoch {self.epoch}")

    @abstractmethod
    def _next_window(self, items: Iterator[Item], seen: Counter[str]) -> tuple[Window, Tensor]:
        """Read a window of samples, fewer where the items end: they, and the length of each, `(samples,)`.

        Arguments:
            items: to read on.
            seen: of the epoch, to count on in.
        """

    @abstractmethod
    def _tell(self, seen: Counter[str], of: str) -> None:
        """Note what was left out, if there is such.

        Arguments:
            seen: what was counted.
            of: what the note begins with: "of 12,000 texts to train on in epoch 3".
        """

    def _order(self, lengths: Tensor) -> list[int]:
        # As the toolkit orders what lies in memory. It imports Lightning, which a dataset that is only shown needs not.
        from toolkit.data.buckets import bucketed

        order: list[int] = bucketed(lengths, -(-len(lengths) // GROUPS), self._window, self.epoch).tolist()
        return order
