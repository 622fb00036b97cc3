"""Pairs that are read one after the other, of more text than memory holds. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from toolkit_text.hub_layout import HubLayout, text_of
from toolkit_text.notes import counted, note
from toolkit_text.resumable import Resumable
from toolkit_text.tokenizer import Tokenizer

WINDOW = 10_240
"""So many neighbours are shuffled among each other."""
GROUPS = 20
"""Groups of a window: the 512 samples of one are of similar length. Who makes the batches, the toolkit's loader, tells
nobody how large they are: those of 512, 256, 128, ... samples on all processes together lie in one group each. Larger
groups would leave less of a window shuffled."""


class TextStream:
    """Source and target texts of rows that have them by language, also in a column `translation`.

    Arguments:
        rows: mappings; those of a stream are a `HubStream`.
        layout: where a row has its texts: the columns are the languages, of the source and of the target.
        name: what they are called in messages.

    Raises:
        ValueError: one is no text.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], layout: HubLayout, name: str) -> None:
        self.rows: Any = rows
        self.layout = layout
        self.name = name

    def __iter__(self) -> Iterator[tuple[str, str]]:
        source, target = self.layout.columns
        of_source, of_target = (f"{self.name}: a text in {language!r}" for language in (source, target))
        for row in self.rows:
            texts = self.layout.texts(row)
            yield _text(texts.get(source), of_source), _text(texts.get(target), of_target)


class Seen(NamedTuple):
    """Pairs that were read in an epoch."""

    pairs: int = 0
    """All of them."""
    empty: int = 0
    """Those left out because a side is empty."""
    long: int = 0
    """Those left out because a side has more tokens than may be."""


class PairStream(Resumable[Any]):
    """Translations as samples of tokens, `((source, target_in), target_out)`; see `Pairs`.

    They are shuffled among `WINDOW` neighbours, in an order that depends on the epoch and the place alone; a twentieth
    of a window at a time is of similar length, so that batches are padded little. Left out are pairs with an empty
    side, or with more than `max_length` tokens on one; notes say how many, of the first window and of every epoch that
    is read to its end.

    Arguments:
        texts: the pairs, of rows of a `HubStream`.
        tokenizer: of the run.
        max_length: tokens of a text at most.
    """

    def __init__(self, texts: TextStream, tokenizer: Tokenizer, max_length: int) -> None:
        self.texts = texts
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.epoch = 0
        self._window = self._place = 0
        self._rows: Mapping[str, Any] | None = None
        """The state of the rows before the current window; None at the beginning."""
        self._seen = Seen()
        """Before the current window."""

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """Where reading is."""
        return {"window": self._window, "place": self._place, "rows": self._rows, "seen": list(self._seen)}

    def _begin(self) -> None:
        self._window, self._place, self._rows, self._seen = 0, 0, None, Seen()

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self._window, self._place, self._rows = state["window"], state["place"], state["rows"]
        self._seen = Seen(*state["seen"])

    def _items(self) -> Iterator[Any]:
        if self._rows is not None:
            self.texts.rows.load_state_dict(self._rows)
        texts = iter(self.texts)
        while True:
            window, seen = self._read(texts)
            if not window:
                break
            if self._window == self.epoch == 0 and len(window) == WINDOW:
                self._tell(seen, f"of the first {counted(seen.pairs, 'pair')} to train on")
            for number in self._order(window)[self._place :]:
                self._place += 1
                yield window[number]
            self._window, self._place, self._rows = self._window + 1, 0, self.texts.rows.state_dict()
            self._seen = seen
        self._tell(seen, f"of {counted(seen.pairs, 'pair')} to train on in epoch {self.epoch}")

    def _read(self, texts: Iterator[tuple[str, str]]) -> tuple[list[Any], Seen]:
        """The samples of the next window, none at the end, and what has been seen of the epoch after them."""
        bos_id, eos_id = self.tokenizer.bos_id, self.tokenizer.eos_id
        window, (pairs, empty, long) = list[Any](), self._seen
        for pair in texts:
            pairs += 1
            if not all(text.strip() for text in pair):
                empty += 1
                continue
            source, target = (self.tokenizer.encode(text) for text in pair)
            if max(len(source), len(target)) > self.max_length:
                long += 1
                continue
            whole = torch.tensor([bos_id, *target, eos_id])
            window.append(((torch.tensor([*source, eos_id]), whole[:-1]), whole[1:]))
            if len(window) == WINDOW:
                break
        return window, Seen(pairs, empty, long)

    def _order(self, window: list[Any]) -> list[int]:
        # As the toolkit orders what lies in memory. It imports Lightning, which a dataset that is only shown needs not.
        from toolkit.data.buckets import bucketed

        lengths = torch.tensor([len(source) + len(target) for (source, _), target in window])
        order: list[int] = bucketed(lengths, -(-len(window) // GROUPS), self._window, self.epoch).tolist()
        return order

    def _tell(self, seen: Seen, of: str) -> None:
        if seen.empty or seen.long:
            note(
                f"{of}, {seen.empty:,} with an empty side and {seen.long:,} with more than "
                f"max_length={self.max_length} tokens on a side are left out"
            )


def _text(value: Any, where: str) -> str:
    """None, where there is no translation, is an empty side."""
    return "" if value is None else text_of(value, where)
