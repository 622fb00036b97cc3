"""How often the same identity is found nearby. Imports torch and torchmetrics, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

AT_ONCE = 2**24
"""So many similarities are in memory at a time."""


class RecallAtK(Metric):
    """The share of samples that have one of their own identity among the `k` most alike others of the split.

    Alike is what has a large cosine; samples that are exactly as alike as the best one of the same identity come before
    it, so that a model that makes all embeddings the same finds nothing. A sample that is the only one of its identity
    is among what is searched, but is not searched for. Not a number where there is nothing to search for.

    Arguments:
        k: how many others are looked at.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    embeddings: list[Tensor]
    identities: list[Tensor]

    def __init__(self, k: int = 1) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is a number of samples from 1 up, not {k}")
        self.k = k
        self.add_state("embeddings", [], dist_reduce_fx="cat")
        self.add_state("identities", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Keep a batch.

        Arguments:
            preds: embeddings `(batch, features)` of any length but 0.
            target: identities `(batch,)`.
        """
        self.embeddings.append(F.normalize(preds.float()))
        self.identities.append(target)

    def compute(self) -> Tensor:
        """The share, shape `()`."""
        embeddings, identities = dim_zero_cat(self.embeddings), dim_zero_cat(self.identities)
        if bool((identities < 0).any()):
            raise ValueError("these are pairs and no identities: take the metric pair_accuracy")
        samples = len(embeddings)
        numbers = torch.arange(samples, device=identities.device)
        found = torch.zeros((), dtype=torch.int64, device=identities.device)
        searched = torch.zeros_like(found)
        for part in torch.split(numbers, max(1, AT_ONCE // samples)):
            similarity = embeddings[part] @ embeddings.T
            same = identities[part, None] == identities
            mates = same & (part[:, None] != numbers)
            best = similarity.masked_fill(~mates, -torch.inf).amax(1, keepdim=True)
            # Not `>=`: what is no number must not count as found.
            before = (~(similarity < best) & ~same).sum(1)
            searchable = mates.any(1)
            found += (searchable & (before < self.k)).sum()
            searched += searchable.sum()
        return found / searched
