"""Texts with their classes as tokens in memory, and batches of them. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from toolkit_text.ragged import Ragged
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
        return self._between(before, texts, [after] * len(texts), self.max_length - len(before) - len(after))

    def _between(
        self, before: Sequence[int], texts: Sequence[str], after: Iterable[Sequence[int]], room: int
    ) -> Encoded:
        """The tokens of texts, `room` at most of each, with the same before all and others after each."""
        found, cut, empty, unknown = list[list[int]](), 0, 0, 0
        for ids, following in zip(self.tokenizer.encode_all(texts), after, strict=True):
            cut += len(ids) > room
            empty += not ids
            unknown += self.tokenizer.unknown(ids[:room])
            found.append([*before, *(ids[:room] or [self.tokenizer.unk_id]), *following])
        return Encoded(found, cut, empty, unknown)

    def decode(self, tokens: Tensor) -> str:
        """The text of tokens `(length,)`, padded or not."""
        return self.tokenizer.decode(tokens.tolist())


class Encoded(Ragged):
    """Tokens of texts.

    Arguments:
        tokens: of each text.
        cut: how many were longer than may be.
        empty: how many have no tokens of their own.
        unknown: how many tokens stand for what the tokenizer does not know; those of empty texts are not counted.
    """

    def __init__(self, tokens: Iterable[Sequence[int]], cut: int, empty: int, unknown: int) -> None:
        super().__init__(tokens)
        self.cut = cut
        self.empty = empty
        self.unknown = unknown


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
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._encoded[index], int(self.targets[index])

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        return self._encoded.padded(indices, self.pad_id), self.targets[torch.as_tensor(indices)]


def padded(samples: Sequence[Tensor], pad_id: int) -> Tensor:
    """Texts of tokens `(length,)` as one tensor `(batch, longest length)`."""
    return torch.nn.utils.rnn.pad_sequence(list(samples), batch_first=True, padding_value=pad_id)
