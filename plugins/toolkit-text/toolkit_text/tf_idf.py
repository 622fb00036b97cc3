"""How much each n-gram of a text counts: TF-IDF. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TfIdf(nn.Module):
    """Weights of the n-grams of a text: the more often it has one, and the fewer texts have it, the greater.

    An n-gram that a text has `tf` times, and `df` of `n` texts of the training have, counts
    `(1 + log tf) * (1 + log((1 + n) / (1 + df)))`, which is then divided by the length of the vector of all of a text
    (Salton and Buckley 1988; the same as scikit-learn's `TfidfVectorizer(sublinear_tf=True)`). One that no text of the
    training has counts nothing.

    `n` and `df` are counted as batches pass by in training, so that from the second epoch on they are those of all
    texts. With several processes they are those of the texts of the first.

    Arguments:
        rows: numbers of n-grams there are.
        padding: the one that stands where there is no n-gram.
    """

    texts: Tensor
    having: Tensor

    def __init__(self, rows: int, padding: int) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("texts", torch.zeros((), dtype=torch.int64))
        self.register_buffer("having", torch.zeros(rows, dtype=torch.int64))

    @torch.no_grad()
    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """N-grams of texts `(texts, n-grams)` → each once, the others padding, and their weights, both so shaped.

        The squares of a text's weights add up to 1, or to 0 where it has nothing that counts.
        """
        rows = rows.sort(dim=1).values
        first = torch.ones_like(rows, dtype=torch.bool)
        first[:, 1:] = rows[:, 1:] != rows[:, :-1]
        # The first of a row of equals is as many of them away from the first of the next as there are.
        place = torch.arange(rows.shape[1], device=rows.device)
        # What is padded with depends on the length, which `torch.export` would take for fixed: it is 0 here.
        following = functional.pad(place.where(first, rows.shape[1])[:, 1:] - rows.shape[1], (0, 1)) + rows.shape[1]
        frequency = following.flip(1).cummin(1).values.flip(1) - place
        rows = rows.where(first, self.padding)
        if self.training:
            self.texts += len(rows)
            counts = torch.bincount(rows.flatten(), minlength=len(self.having))
            counts[self.padding] = 0
            self.having += counts
        having = self.having[rows]
        weights = (1 + frequency.log()) * (1 + ((1 + self.texts) / (1 + having)).log())
        weights = weights * (having > 0)
        return rows, weights / weights.norm(dim=1, keepdim=True).clamp(min=1e-12)
