"""Convolutions over the n-grams of a text. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_text.ngrams import NgramVectors


class NgramCNN(nn.Module):
    """Filters over the n-grams of a text, and the maximum and mean of each over the text.

    At every token stands the sum of the vectors of the n-grams that begin there, as a word's vector is the sum of those
    of its n-grams in fastText (Bojanowski et al. 2017). Filters (Kim 2014) over such places see what a bag of n-grams
    does not: which of them stand beside each other. After the end of a text they see zeros, however much padding there
    is.

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding, which belongs to no n-gram.
        sizes: how many tokens an n-gram has.
        buckets: vectors for all n-grams of two tokens and more, shared by a hash as in `bag_of_ngrams`.
        width: length of a vector.
        reach: how many places the filters see.
        filters: filters of each reach.
        ngram_dropout: probability with which an n-gram is left out in training.
        dropout: probability with which a maximum or mean is set to 0 in training.

    Raises:
        ValueError: `sizes` or `reach` are not numbers from 1 up, or the other numbers cannot be.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        pad_id: int = 0,
        sizes: Sequence[int] = (1, 2, 3, 4, 5),
        buckets: int = 2**17,
        width: int = 64,
        reach: Sequence[int] = (3, 5),
        filters: int = 96,
        ngram_dropout: float = 0.3,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not reach or min(reach) < 1:
            raise ValueError(f"reach={list(reach)}: numbers of places from 1 up, such as [3, 5]")
        self.pad_id = pad_id
        self.reach = tuple(reach)
        self.vectors = NgramVectors(vocab_size, sizes, buckets, width, pad_id, ngram_dropout)
        # Small, as they are added up.
        nn.init.normal_(self.vectors.weight, std=0.1)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, each) for each in reach)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(2 * filters * len(reach), num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        inside = (tokens != self.pad_id)[:, None]
        rows = self.vectors.rows(tokens)
        sums = self.vectors.pooled(rows.flatten(0, 1), "sum").view(*tokens.shape, -1).transpose(1, 2)
        if self.training:
            sums = sums / (1 - self.vectors.dropout)
        found = []
        for reach, convolution in zip(self.reach, self.convolutions, strict=True):
            filtered = convolution(functional.pad(sums, (0, reach - 1))).relu() * inside
            found += [filtered.amax(2), filtered.sum(2) / inside.sum(2)]
        logits: Tensor = self.classifier(self.dropout(torch.cat(found, dim=1)))
        return logits
