"""Pairs that are read one after the other, of more text than memory holds. Imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from toolkit_text.hub_layout import HubLayout, text_of
from toolkit_text.notes import note
from toolkit_text.resumable import Resumable
from toolkit_text.shuffled_stream import READ, ShuffledStream
from toolkit_text.tokenizer import Tokenizer

EMPTY = "empty"
"""What counts pairs that are left out because a side is empty."""
LONG = "long"
"""What counts those left out because a side has more tokens than may be."""


class TextStream(Resumable[tuple[str, str]]):
    """Source and target texts of rows that have them by language, also in a column `translation`.

    Arguments:
        rows: mappings; those of a stream are a `HubStream`, the only ones whose state can be asked for.
        layout: where a row has its texts: the columns are the languages, of the source and of the target.
        name: what they are called in messages.

    Raises:
        ValueError: one is no text.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], layout: HubLayout, name: str) -> None:
        self.rows: Any = rows
        self.layout = layout
        self.name = name

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the pair that came last."""
        return {"rows": self.rows.state_dict()}

    def _begin(self) -> None:
        """The rows begin anew by themselves."""

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self.rows.load_state_dict(state["rows"])

    def _items(self) -> Iterator[tuple[str, str]]:
        source, target = self.layout.columns
        of_source, of_target = (f"{self.name}: a text in {language!r}" for language in (source, target))
        for row in self.rows:
            texts = self.layout.texts(row)
            yield _text(texts.get(source), of_source), _text(texts.get(target), of_target)


class PairStream(ShuffledStream[tuple[str, str]]):
    """Translations as samples of tokens, `((source, target_in), target_out)`; see `Pairs`.

    Left out are pairs with an empty side, or with more than `max_length` tokens on one.

    Arguments:
        texts: the pairs, of rows of a `HubStream`.
        beginning: the state of `texts` where an epoch begins.
        tokenizer: of the run.
        max_length: tokens of a text at most.
    """

    noun = "pair"

    def __init__(self, texts: TextStream, beginning: Mapping[str, Any], tokenizer: Tokenizer, max_length: int) -> None:
        super().__init__(texts, beginning)
        self.tokenizer = tokenizer
        self.max_length = max_length

    def _next_window(self, items: Iterator[tuple[str, str]], seen: Counter[str]) -> tuple[list[Any], Tensor]:
        bos_id, eos_id = self.tokenizer.bos_id, self.tokenizer.eos_id
        window = list[Any]()
        for pair in items:
            seen[READ] += 1
            if not all(text.strip() for text in pair):
                seen[EMPTY] += 1
                continue
            source, target = (self.tokenizer.encode(text) for text in pair)
            if max(len(source), len(target)) > self.max_length:
                seen[LONG] += 1
                continue
            whole = torch.tensor([bos_id, *target, eos_id])
            window.append(((torch.tensor([*source, eos_id]), whole[:-1]), whole[1:]))
            if len(window) == self.neighbours:
                break
        return window, torch.tensor([len(source) + len(target) for (source, _), target in window])

    def _tell(self, seen: Counter[str], of: str) -> None:
        if seen[EMPTY] or seen[LONG]:
            note(
                f"{of}, {seen[EMPTY]:,} with an empty side and {seen[LONG]:,} with more than "
                f"max_length={self.max_length} tokens on a side are left out"
            )


def _text(value: Any, where: str) -> str:
    """None, where there is no translation, is an empty side."""
    return "" if value is None else text_of(value, where)
