"""Vectors of n-grams, found by a hash. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_FACTOR = 0x5851F42D4C957F2D
"""Of Knuth's generator MMIX: multiplied by it, neighbouring numbers differ in their upper bits."""


class NgramVectors(nn.Embedding):
    """A vector for every token, and a number of buckets of vectors that longer n-grams share by a hash.

    The hash is computed on the device, so that inputs are token numbers.

    Arguments:
        vocab_size: tokens there are.
        sizes: how many tokens an n-gram has.
        buckets: vectors for all n-grams of two tokens and more.
        width: length of a vector.
        pad_id: the padding, which belongs to no n-gram.
        dropout: probability with which an n-gram is left out in training.

    Raises:
        ValueError: `sizes` are not numbers from 1 up, or the other numbers cannot be.
    """

    def __init__(
        self, vocab_size: int, sizes: Sequence[int], buckets: int, width: int, pad_id: int, dropout: float
    ) -> None:
        if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
            raise ValueError(f"sizes={list(sizes)}: different numbers of tokens from 1 up, such as [1, 2, 3]")
        if buckets < 1:
            raise ValueError(f"buckets={buckets}: a number of vectors from 1 up")
        if not 0 <= dropout < 1:
            raise ValueError(f"the dropout of n-grams is {dropout}: a probability from 0 to below 1")
        super().__init__(vocab_size + (buckets if max(sizes) > 1 else 0), width, padding_idx=pad_id)
        self.vocab_size = vocab_size
        self.sizes = sorted(sizes)
        self.buckets = buckets
        self.pad_id = pad_id
        self.dropout = dropout

    def all_rows(self, tokens: Tensor) -> Tensor:
        """The rows of the n-grams that begin at each token: `(batch, length, sizes)`, of tokens `(batch, length)`.

        Where there is none stands the row of the padding.
        """
        return torch.stack(list(self._rows(tokens)), dim=2)

    def rows(self, tokens: Tensor) -> Tensor:
        """The same; the row of the padding stands also where an n-gram is left out in training."""
        rows = self.all_rows(tokens)
        if self.training and self.dropout:
            rows = rows.masked_fill(torch.rand_like(rows, dtype=torch.float32) < self.dropout, self.pad_id)
        return rows

    def pooled(self, rows: Tensor, mode: str) -> Tensor:
        """The sum, mean or maximum of vectors, `(bags, width)`, of their rows `(bags, rows)`; 0 where there are none.

        Rows of padding count neither in a sum nor in the number it is divided by.
        """
        return functional.embedding_bag(rows, self.weight, mode=mode, padding_idx=self.pad_id)

    def summed(self, rows: Tensor, weights: Tensor) -> Tensor:
        """The sum of vectors, `(bags, width)`, of their rows, each times its weight, both `(bags, rows)`."""
        return functional.embedding_bag(
            rows, self.weight, mode="sum", padding_idx=self.pad_id, per_sample_weights=weights.to(self.weight.dtype)
        )

    def _rows(self, tokens: Tensor) -> Iterator[Tensor]:
        length = tokens.shape[1]
        # Padding stands at the end: where an n-gram's last token is some, there is no n-gram.
        padded = functional.pad(tokens, (0, self.sizes[-1] - 1), value=self.pad_id)
        hashed = rows = tokens
        for size in range(1, self.sizes[-1] + 1):
            last = padded[:, size - 1 : size - 1 + length]
            if size > 1:
                hashed = _mixed(hashed) + last
                rows = self.vocab_size + _mixed(hashed).bitwise_and(2**62 - 1) % self.buckets
            if size in self.sizes:
                yield rows.masked_fill(last == self.pad_id, self.pad_id)


def _mixed(numbers: Tensor) -> Tensor:
    numbers = (numbers + 1) * _FACTOR
    return numbers ^ (numbers >> 29)
