"""How published sets of texts with classes lie on the hub, and what their rows hold. Imports nothing heavy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit_text.hub_layout import HubLayout, text_of
from toolkit_text.resumable import Resumable

OTHERWISE = "{use: text_table, train: FILE, test: FILE, text: COLUMN, label: COLUMN}"
"""What a recipe says to read other texts with classes."""


@dataclass(frozen=True)
class LabelledSource:
    """A set's columns and classes."""

    text: str
    """The column of texts; the one of classes is called label."""
    test: str
    """The split with published results."""
    class_names: tuple[str, ...]
    by_class: bool = False
    """Whether the training texts lie class after class."""

    @property
    def layout(self) -> HubLayout:
        return HubLayout(("train", self.test), (self.text, "label"), OTHERWISE)

    def absent(self, labels: Iterable[int]) -> list[str]:
        """The classes of which no text is, of texts with these."""
        there = set(labels)
        return [name for number, name in enumerate(self.class_names) if number not in there]

    def check_classes(self, labels: Sequence[int], none: str, advice: str) -> None:
        """Look whether there are training texts of each class.

        Arguments:
            labels: of the texts.
            none: what a message begins with, "of so many texts none".
            advice: what to do then.

        Raises:
            ValueError: there is a class without.
        """
        absent = self.absent(labels)
        if absent:
            counts = Counter(labels)
            there = ", ".join(f"{counts[number]:,} {self.class_names[number]}" for number in sorted(counts))
            raise ValueError(
                f"{none} is of the class {absent[0]!r}; there are {there}. {advice}; "
                f"those of fewer classes are read with dataset: {OTHERWISE}"
            )


class LabelledRows(Resumable[tuple[str, int]]):
    """The texts of rows, and the numbers of their classes.

    Arguments:
        rows: mappings; those of a stream are a `HubStream`, the only ones whose state can be asked for.
        source: how they are laid out.
        name: what they are called in messages.
        only: the class of which texts are read; all where it is None.

    Raises:
        ValueError: a text is none, or a class, also where it is not read.
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], source: LabelledSource, name: str, only: int | None = None
    ) -> None:
        self._rows: Any = rows
        self._source = source
        self._name = name
        self._only = only
        self._number = 0
        """Rows that were read."""

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the text that came last."""
        return {"rows": self._rows.state_dict(), "number": self._number}

    def _begin(self) -> None:
        self._number = 0

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self._rows.load_state_dict(state["rows"])
        self._number = state["number"]

    def _items(self) -> Iterator[tuple[str, int]]:
        for row in self._rows:
            self._number += 1
            text = text_of(row[self._source.text], f"{self._where}: its {self._source.text}")
            label = row["label"]
            if type(label) is not int or not 0 <= label < len(self._source.class_names):
                named = ", ".join(f"{number} ({each})" for number, each in enumerate(self._source.class_names))
                raise ValueError(f"{self._where}: its label is {label!r}, and one of these is expected: {named}")
            if self._only in (None, label):
                yield text, label

    @property
    def _where(self) -> str:
        return f"{self._name}, row {self._number}"
