"""Texts as one row of tokens, and the windows of it that a language model is trained and measured on.

Imports torch and NumPy, nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from toolkit_text.tokenizer import Tokenizer

IGNORED = -100
"""A target that does not count, as torch's losses have it."""
PIECE = 2**16
"""Characters that are made tokens of at once: more take the memory of hundreds of bytes each, and one thread."""
PIECES_AT_ONCE = 64


class Row(NamedTuple):
    """Texts one after the other, each behind the token that ends a text: it says that one ends and another begins."""

    tokens: Tensor
    """`(tokens,)`: uint8, int16 whose bits are those of a uint16, or int32; the smallest that holds the vocabulary."""
    characters: int
    """Of the texts."""
    unknown: int
    """Tokens that stand for what the tokenizer does not know."""

    @property
    def characters_per_token(self) -> float:
        """Characters for each token that is predicted: all but the first."""
        return self.characters / (len(self.tokens) - 1)


def packed(texts: Iterable[str], tokenizer: Tokenizer) -> Row:
    """The row of texts; empty ones are left out."""
    size = tokenizer.vocab_size
    dtype = np.uint8 if size <= 2**8 else np.uint16 if size <= 2**16 else np.int32
    parts, characters, unknown, begins = [], 0, 0, False
    remaining = chain.from_iterable(map(_pieces, texts))
    while group := list(islice(remaining, PIECES_AT_ONCE)):
        encoded = tokenizer.encode_all([piece for piece, _ in group])
        for (piece, first), ids in zip(group, encoded, strict=True):
            begins = begins or first
            if ids:
                parts.append(np.array([tokenizer.eos_id, *ids] if begins else ids, dtype=dtype))
                begins = False
            characters += 0 if begins else len(piece)
            unknown += tokenizer.unknown(ids)
    row = np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
    # torch cannot take samples of an uint16 tensor by their places on every device.
    return Row(torch.from_numpy(row.view(np.int16) if dtype is np.uint16 else row), characters, unknown)


class TrainingWindows:
    """Windows that begin anywhere: a map-style dataset of `(inputs, targets)`.

    Sample `i` begins somewhere between token `i * context` and `(i + 1) * context`, which torch's global generator
    draws anew every time, so that an epoch sees about every token once. Both are int64 `(batch, context)` from
    `__getitems__`, and `(context,)` from `dataset[i]`; targets are the tokens one place further.

    Arguments:
        tokens: of a `Row`.
        context: the length of a window.

    Raises:
        ValueError: there are less than two windows of tokens.
    """

    def __init__(self, tokens: Tensor, context: int) -> None:
        if len(tokens) < 2 * context:
            raise ValueError(
                f"the text to train on has {len(tokens):,} tokens, and windows of {context} need {2 * context:,}: "
                "give a longer text or a smaller context"
            )
        self.context = context
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens) // self.context - 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self.__getitems__([index])
        return inputs[0], targets[0]

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        starts = torch.tensor(indices) * self.context + torch.randint(self.context, (len(indices),))
        found = _numbers(self._tokens[starts[:, None] + torch.arange(self.context + 1)])
        return found[:, :-1].contiguous(), found[:, 1:].contiguous()


class EvaluationWindows:
    """Windows one after the other, in which every token but the first is a target once: a map-style dataset.

    `(inputs, targets)` as in `TrainingWindows`. The last one is filled up with padding, whose targets are -100.

    Arguments:
        tokens: of a `Row`; two at least.
        context: the length of a window.
        pad_id: the padding.
    """

    def __init__(self, tokens: Tensor, context: int, pad_id: int) -> None:
        self.context = context
        self.pad_id = pad_id
        self._tokens = tokens

    def __len__(self) -> int:
        return -(-(len(self._tokens) - 1) // self.context)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self.__getitems__([index])
        return inputs[0], targets[0]

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        places = torch.tensor(indices)[:, None] * self.context + torch.arange(self.context + 1)
        last = len(self._tokens) - 1
        found = _numbers(self._tokens[places.clamp(max=last)])
        inputs = found[:, :-1].masked_fill(places[:, :-1] >= last, self.pad_id)
        return inputs, found[:, 1:].masked_fill(places[:, 1:] > last, IGNORED)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A text in pieces of `PIECE` characters at most, each with whether it is the first.

    They are cut before a space that follows something else, where all tokenizers here cut too, so that the tokens are
    those of the whole text; a text that has none for so long is cut anywhere.
    """
    begin = 0
    while len(text) - begin > PIECE:
        end = text.rfind(" ", begin + 1, begin + PIECE)
        while end > 0 and text[end - 1].isspace():
            end = text.rfind(" ", begin + 1, end)
        end = end if end > 0 else begin + PIECE
        yield text[begin:end], begin == 0
        begin = end
    yield text[begin:], begin == 0


def _numbers(tokens: Tensor) -> Tensor:
    numbers = tokens.long()
    return numbers.bitwise_and_(0xFFFF) if tokens.dtype is torch.int16 else numbers
