"""Convolutions over the tokens of a text. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class TextCNN(nn.Module):
    """Filters of several lengths over the vectors of tokens, and the maximum of each over the text (Kim 2014).

    A filter begins at every token of the text, and after its end sees zeros, however much padding there is.

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding.
        width: length of a token's vector.
        sizes: how many tokens the filters see.
        filters: filters of each size.
        dropout: probability with which a maximum is set to 0 in training.

    Raises:
        ValueError: `sizes` are not numbers from 1 up.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        pad_id: int = 0,
        width: int = 128,
        sizes: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not sizes or min(sizes) < 1:
            raise ValueError(f"sizes={list(sizes)}: numbers of tokens from 1 up, such as [3, 4, 5]")
        self.pad_id = pad_id
        self.sizes = tuple(sizes)
        self.vectors = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, size) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(filters * len(sizes), num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        outside = (tokens == self.pad_id)[:, None]
        # Zeroed here: weights that were loaded, or averaged, may have something in the row of padding.
        vectors = self.vectors(tokens).transpose(1, 2).masked_fill(outside, 0)
        found = []
        for size, convolution in zip(self.sizes, self.convolutions, strict=True):
            filtered = convolution(functional.pad(vectors, (0, size - 1)))
            found.append(filtered.masked_fill(outside, float("-inf")).amax(2).relu())
        logits: Tensor = self.classifier(self.dropout(torch.cat(found, dim=1)))
        return logits
