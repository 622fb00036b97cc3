"""Texts with their classes as tokens in memory, and batches of them. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from toolkit_text.tokenizer import Tokenizer


class Encoder:
    """From a text to the tokens that a model of whole texts is given.

    Arguments:
        tokenizer: of the run.
        max_length: tokens at most; what comes after is cut off.
        ends: whether a text begins with the token for that and ends with its own, which are counted.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int, ends: bool) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.ends = ends

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The tokens of texts; one of no tokens is a single unknown token."""
        before, after = ([self.tokenizer.bos_id], [self.tokenizer.eos_id]) if self.ends else ([], [])
        room = self.max_length - len(before) - len(after)
        found, cut, empty = list[list[int]](), 0, 0
        for ids in self.tokenizer.encode_all(texts):
            cut += len(ids) > room
            empty += not ids
            found.append([*before, *(ids[:room] or [self.tokenizer.unk_id]), *after])
        return Encoded(found, cut, empty)

    def decode(self, tokens: Tensor) -> str:
        """The text of tokens `(length,)`, padded or not."""
        return self.tokenizer.decode(tokens.tolist())


class Encoded:
    """Tokens of texts.

    Arguments:
        tokens: of each text, in `int32` one after the other, with the places where they begin.
        cut: how many were longer than may be.
        empty: how many have no tokens of their own.
    """

    def __init__(self, tokens: Sequence[Sequence[int]], cut: int, empty: int) -> None:
        self.lengths = torch.tensor([len(ids) for ids in tokens])
        self.flat = torch.tensor([token for ids in tokens for token in ids], dtype=torch.int32)
        self.cut = cut
        self.empty = empty


class LabelledTexts:
    """A map-style dataset of texts, each with the number of its class.

    A sample is its tokens, int64 `(length,)`, and the class. A batch, `dataset[[3, 0]]` in torch's `__getitems__`, is
    tokens `(batch, length)`, with padding after the shorter texts, and classes `(batch,)`.

    Arguments:
        encoded: the texts' tokens.
        targets: the texts' classes, int64 `(samples,)`.
        pad_id: the padding.
    """

    def __init__(self, encoded: Encoded, targets: Tensor, pad_id: int) -> None:
        self.targets = targets
        self.lengths = encoded.lengths
        """Tokens of each text, int64 `(samples,)`: what batches of texts of similar length are made by."""
        self.pad_id = pad_id
        self._flat = encoded.flat
        self._starts = encoded.lengths.cumsum(0) - encoded.lengths

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        start = int(self._starts[index])
        return self._flat[start : start + int(self.lengths[index])].long(), int(self.targets[index])

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        index = torch.as_tensor(indices)
        lengths = self.lengths[index]
        column = torch.arange(int(lengths.max()))
        inside = column < lengths[:, None]
        # Places after the end of a text are another text's, or beyond all: their tokens are replaced.
        places = (self._starts[index][:, None] + column).clamp_(max=len(self._flat) - 1)
        return self._flat[places].long().masked_fill_(~inside, self.pad_id), self.targets[index]


def padded(samples: Sequence[Tensor], pad_id: int) -> Tensor:
    """Texts of tokens `(length,)` as one tensor `(batch, longest length)`."""
    return torch.nn.utils.rnn.pad_sequence(list(samples), batch_first=True, padding_value=pad_id)
