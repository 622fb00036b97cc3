"""A text as the mean of its n-grams. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_text.ngrams import NgramVectors
from toolkit_text.tf_idf import TfIdf


class BagOfNgrams(nn.Module):
    """The mean of the vectors of a text's n-grams, then a linear layer, as fastText has it (Joulin et al. 2016).

    What the n-grams are of, the tokenizer says: words with `words`, characters with `characters`. Single tokens have
    vectors of their own. Longer n-grams share a number of buckets by a hash, which is computed on the device, so that
    inputs are token numbers.

    Each n-gram can be left out at random in training ("word dropout", Iyyer et al. 2015). With `tf_idf` an n-gram
    counts the more, the fewer texts have it (`toolkit_text.tf_idf`), and the sum so weighted replaces the mean.

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding, which belongs to no n-gram.
        sizes: how many tokens an n-gram has: `[1, 2]` for single tokens and pairs.
        buckets: vectors for all n-grams of two tokens and more.
        width: length of a vector.
        dropout: probability with which an n-gram is left out in training.
        peaks: whether the linear layer sees, beside the mean, the maximum of each number over the n-grams.
        tf_idf: whether n-grams are weighted by how often a text has them, and how few others do; not with `peaks`.

    Raises:
        ValueError: `sizes` are not numbers from 1 up, or the other arguments cannot be.
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
        peaks: bool = False,
        tf_idf: bool = False,
    ) -> None:
        super().__init__()
        if peaks and tf_idf:
            raise ValueError("peaks and tf_idf: a maximum has no weights, so that only one of them can be")
        self.vectors = NgramVectors(vocab_size, sizes, buckets, width, pad_id, dropout)
        # Small, so that n-grams that were rarely seen say little.
        nn.init.uniform_(self.vectors.weight, -1 / width, 1 / width)
        self.modes = ("mean", "max") if peaks else ("mean",)
        self.classifier = nn.Linear(width * len(self.modes), num_classes)
        self.weights = TfIdf(self.vectors.num_embeddings, pad_id) if tf_idf else None

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        if self.weights is None:
            rows = self.vectors.rows(tokens).flatten(1)
            found = torch.cat([self.vectors.pooled(rows, mode) for mode in self.modes], dim=1)
        else:
            # Counted before any is left out.
            rows, weights = self.weights(self.vectors.all_rows(tokens).flatten(1))
            found = self.vectors.summed(rows, functional.dropout(weights, self.vectors.dropout, self.training))
        logits: Tensor = self.classifier(found)
        return logits
