"""How published sets of texts with classes lie on the hub, and what their rows hold. Imports nothing heavy."""

from __future__ import annotations

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

    def check_classes(self, counts: Sequence[int], what: str, otherwise: str) -> None:
        """Look at how many training texts there are of each class.

        Arguments:
            counts: of each class.
            what: in a message, "no text of so many".
            otherwise: what to do where that is right.

        Raises:
            ValueError: there is a class without.
        """
        if not all(counts):
            numbered = zip(self.class_names, counts, strict=True)
            there = ", ".join(f"{count:,} {name}" for name, count in numbered if count)
            raise ValueError(
                f"{what} is of the class {self.class_names[counts.index(0)]!r}; there are {there}. {otherwise}; "
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
