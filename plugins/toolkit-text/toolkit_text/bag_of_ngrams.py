"""A text as the mean of its n-grams. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_FACTOR = 0x5851F42D4C957F2D
"""Of Knuth's generator MMIX: multiplied by it, neighbouring numbers differ in their upper bits."""


class BagOfNgrams(nn.Module):
    """The mean of the vectors of a text's n-grams, then a linear layer, as fastText has it (Joulin et al. 2016).

    What the n-grams are of, the tokenizer says: words with `words`, characters with `characters`. Single tokens have
    vectors of their own. Longer n-grams share a number of buckets by a hash, which is computed on the device, so that
    inputs are token numbers.

    Each n-gram can be left out at random in training ("word dropout", Iyyer et al. 2015).

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding, which belongs to no n-gram.
        sizes: how many tokens an n-gram has: `[1, 2]` for single tokens and pairs.
        buckets: vectors for all n-grams of two tokens and more.
        width: length of a vector.
        dropout: probability with which an n-gram is left out in training.

    Raises:
        ValueError: `sizes` are not numbers from 1 up, or the other numbers cannot be.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        pad_id: int = 0,
        sizes: Sequence[int] = (1, 2),
        buckets: int = 2**17,
        width: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
            raise ValueError(f"sizes={list(sizes)}: different numbers of tokens from 1 up, such as [1, 2, 3]")
        if buckets < 1:
            raise ValueError(f"buckets={buckets}: a number of vectors from 1 up")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout}: a probability from 0 to below 1")
        self.vocab_size = vocab_size
        self.pad_id = pad_id
        self.sizes = sorted(sizes)
        self.buckets = buckets if self.sizes[-1] > 1 else 0
        self.dropout = dropout
        self.vectors = nn.Embedding(vocab_size + self.buckets, width, padding_idx=pad_id)
        # Small, so that n-grams that were rarely seen say little.
        nn.init.uniform_(self.vectors.weight, -1 / width, 1 / width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        rows = torch.cat(list(self._rows(tokens)), dim=1)
        if self.training and self.dropout:
            rows = rows.masked_fill(torch.rand_like(rows, dtype=torch.float32) < self.dropout, self.pad_id)
        # Rows of padding count neither in the sum nor in the number it is divided by.
        mean = functional.embedding_bag(rows, self.vectors.weight, mode="mean", padding_idx=self.pad_id)
        logits: Tensor = self.classifier(mean)
        return logits

    def _rows(self, tokens: Tensor) -> Iterator[Tensor]:
        """By size the places of a text's n-grams in the table of vectors, `(batch, length - size + 1)`."""
        most = self.sizes[-1]
        tokens = functional.pad(tokens, (0, max(0, most - tokens.shape[1])), value=self.pad_id)
        hashed = rows = tokens
        for size in range(1, most + 1):
            last = tokens[:, size - 1 :]
            if size > 1:
                hashed = _mixed(hashed[:, : last.shape[1]]) + last
                rows = self.vocab_size + _mixed(hashed).bitwise_and(2**62 - 1) % self.buckets
            if size in self.sizes:
                # Padding stands at the end: where an n-gram's last token is some, there is no n-gram.
                yield rows.masked_fill(last == self.pad_id, self.pad_id)


def _mixed(numbers: Tensor) -> Tensor:
    numbers = (numbers + 1) * _FACTOR
    return numbers ^ (numbers >> 29)
