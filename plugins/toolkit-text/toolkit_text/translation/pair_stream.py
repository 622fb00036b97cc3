"""Pairs that are read one after the other, of more text than memory holds. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from typing import Any

import torch

from toolkit_text.tokenizer import Tokenizer

WINDOW = 10_000
"""So many neighbours are shuffled among each other."""


class TextStream:
    """Source and target texts of rows that have them by language, also in a column `translation`.

    Arguments:
        rows: mappings; where they have `state_dict` and `load_state_dict`, as the streams of the library `datasets`,
            reading can go on where it stopped.
        source: the key of the texts to translate.
        target: the key of their translations.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], source: str, target: str) -> None:
        self.rows: Any = rows
        self.source, self.target = source, target

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for row in self.rows:
            texts = row.get("translation", row)
            lacking = [language for language in (self.source, self.target) if language not in texts]
            if lacking:
                raise ValueError(f"no text in {lacking[0]!r}; the rows have {', '.join(texts)}")
            yield texts[self.source] or "", texts[self.target] or ""


class PairStream:
    """Translations as samples of tokens, `((source, target_in), target_out)`; see `Pairs`.

    They are shuffled among `WINDOW` neighbours, in an order that depends on the epoch and the place alone. Left out are
    pairs with an empty side, or with more than `max_length` tokens on one.

    Arguments:
        texts: the pairs.
        tokenizer: of the run.
        max_length: tokens of a text at most.
    """

    def __init__(self, texts: TextStream, tokenizer: Tokenizer, max_length: int) -> None:
        self.texts = texts
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.epoch = 0
        # The library's streams go on from a state that was loaded once in every iteration of the same epoch.
        self._beginning = deepcopy(texts.rows.state_dict())
        self._window = self._place = 0
        self._before = self._beginning
        """The state of the rows before the current window."""
        self._going_on = False

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """Where reading is."""
        return {"window": self._window, "place": self._place, "rows": self._before}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Have the next iteration go on where another one was."""
        self._window, self._place, self._before = state["window"], state["place"], state["rows"]
        self._going_on = True

    def __iter__(self) -> Iterator[Any]:
        if not self._going_on:
            self._window, self._place, self._before = 0, 0, self._beginning
        self._going_on = False
        self.texts.rows.load_state_dict(deepcopy(self._before))
        samples = self._samples()
        while window := list(islice(samples, WINDOW)):
            generator = torch.Generator().manual_seed(1_000_003 * self.epoch + self._window)
            order = torch.randperm(len(window), generator=generator).tolist()
            for number in order[self._place :]:
                self._place += 1
                yield window[number]
            self._window, self._place, self._before = self._window + 1, 0, deepcopy(self.texts.rows.state_dict())

    def _samples(self) -> Iterator[Any]:
        bos_id, eos_id = self.tokenizer.bos_id, self.tokenizer.eos_id
        for texts in self.texts:
            if all(text.strip() for text in texts):
                source, target = (self.tokenizer.encode(text) for text in texts)
                if max(len(source), len(target)) <= self.max_length:
                    whole = torch.tensor([bos_id, *target, eos_id])
                    yield (torch.tensor([*source, eos_id]), whole[:-1]), whole[1:]
