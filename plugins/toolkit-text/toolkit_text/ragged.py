"""Sequences of unequal lengths, in memory as one tensor, that are padded batch by batch. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


class Ragged:
    """Sequences of tokens, one behind the other.

    Arguments:
        sequences: of the numbers of tokens.
    """

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        listed = list(sequences)
        self.lengths = torch.tensor([len(each) for each in listed], dtype=torch.int64)
        """How many tokens each has, `(sequences,)`."""
        # Half the memory of int64, in which batches are.
        self._tokens = torch.tensor([token for each in listed for token in each], dtype=torch.int32)
        self._begins = self.lengths.cumsum(0) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> Tensor:
        """One sequence, `(length,)` int64."""
        begin = int(self._begins[number])
        return self._tokens[begin : begin + int(self.lengths[number])].long()

    def padded(self, numbers: Sequence[int] | Tensor, fill: int) -> Tensor:
        """Some of them, `(numbers, longest of them)` int64, with `fill` behind those that are shorter."""
        index = torch.as_tensor(numbers)
        lengths = self.lengths[index]
        column = torch.arange(int(lengths.max()))
        # Places behind the end of a sequence are another one's, or beyond all: their tokens are replaced.
        places = (self._begins[index][:, None] + column).clamp_(max=len(self._tokens) - 1)
        return self._tokens[places].long().masked_fill_(column >= lengths[:, None], fill)
