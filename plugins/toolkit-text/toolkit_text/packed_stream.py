"""Windows of texts that are read one after the other, of more text than memory holds. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from toolkit_text.notes import unknown_tokens
from toolkit_text.resumable import Resumable
from toolkit_text.tokenizer import Tokenizer

EARLY = 1_000_000
"""After so many tokens of a run it is told how many of them are unknown: few runs see the end of a long stream."""


class Texts(Protocol):
    """Texts that can be read from where reading stopped. A shape, not a base class."""

    def __iter__(self) -> Iterator[str]: ...

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the text that came last."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Have the next iteration go on where another one was."""
        ...


class PackedStream(Resumable[tuple[Tensor, Tensor]]):
    """Windows one after the other, `(inputs, targets)`, both int64 `(context,)`: a stream.

    The texts stand one after the other, each behind the token that ends a text; targets are the tokens one place
    further. What does not fill a window at the end is left out. Notes say how many tokens are unknown, of the first
    million and of every epoch that is read to its end.

    Arguments:
        texts: that are read.
        tokenizer: of the run.
        context: tokens of a window.
        num_shards: how many parts the windows are dealt to in turn.
        index: of the part that this is.
        epoch: that is read.
    """

    def __init__(
        self,
        texts: Texts,
        tokenizer: Tokenizer,
        context: int,
        num_shards: int = 1,
        index: int = 0,
        epoch: int = 0,
    ) -> None:
        self.texts = texts
        self.tokenizer = tokenizer
        self.context = context
        self.num_shards = num_shards
        self.index = index
        self.epoch = epoch
        self._tokens = self._unknown = 0
        """How many were read in this epoch, and how many of them are unknown."""
        self._left: list[int] = []
        """Tokens that were read and are in no window yet, but for the last of the window before."""
        self._state: dict[str, Any] = {}

    def set_epoch(self, epoch: int) -> None:
        """Which epoch is read; its windows are those of any other."""
        self.epoch = epoch

    def shard(self, num_shards: int, index: int) -> PackedStream:
        """Part `index` of `num_shards`, which are equally long. Each part reads all texts, and keeps its windows."""
        return PackedStream(self.texts, self.tokenizer, self.context, num_shards, index, self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the window that came last."""
        return self._state

    def _begin(self) -> None:
        self._left, self._tokens, self._unknown = [], 0, 0

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self.texts.load_state_dict(state["texts"])
        self._left = list(state["left"])
        self._tokens, self._unknown = state["tokens"], state["unknown"]

    def _items(self) -> Iterator[tuple[Tensor, Tensor]]:
        step = self.num_shards * self.context
        yield from self._dealt(step)
        for text in self.texts:
            self._read(self.tokenizer.encode(text))
            yield from self._dealt(step)
        self._tell(f"the split 'train' in epoch {self.epoch}")

    def _read(self, ids: list[int]) -> None:
        early = self._tokens < EARLY
        # A new list: the state holds the one before.
        self._left = [*self._left, self.tokenizer.eos_id, *ids]
        self._tokens += 1 + len(ids)
        self._unknown += self.tokenizer.unknown(ids)
        if early and self._tokens >= EARLY and self.epoch == 0:
            self._tell("the beginning of the split 'train'")

    def _tell(self, where: str) -> None:
        # Every part reads all texts.
        if self.index == 0:
            unknown_tokens(self._unknown, self._tokens, where)

    def _dealt(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This part's windows of the tokens that wait, as long as there is one for every part."""
        while len(self._left) > step:
            begin = self.index * self.context
            window = torch.tensor(self._left[begin : begin + self.context + 1])
            self._left = self._left[step:]
            self._state = {
                "texts": self.texts.state_dict(),
                "left": self._left,
                "tokens": self._tokens,
                "unknown": self._unknown,
            }
            yield window[:-1], window[1:]
