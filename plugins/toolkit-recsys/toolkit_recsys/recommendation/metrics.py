"""How good the top of a ranking is. Imports torch and torchmetrics.

The definitions are those of RecBole 1.2, and each is a mean over the users that have at least one relevant item in the
split. What users have seen before must not be in the ranking: the task sees to it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric


class Ranked(NamedTuple):
    """The best items of some users, the best first. Where a user has fewer than there is room for, -1 follows."""

    items: Tensor
    """Int64 `(users, depth)`."""
    hits: Tensor
    """Whether each is relevant, bool `(users, depth)`."""
    information: Tensor
    """How surprising each is whoever it is for, in bits, `(users, depth)`: see `Novelty`."""


class TopK(Metric):
    """The mean over users of what `of_users` says of their first `k` items.

    Args:
        k: how many items are shown to a user.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    total: Tensor
    users: Tensor

    def __init__(self, k: int = 10) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is a number of items from 1 up, not {k}")
        self.k = k
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("users", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        """The value of each user, `(users,)`.

        Args:
            hits: whether the first items are relevant, float32 `(users, k)` or fewer.
            relevant: how many relevant items each has in all, `(users,)`, from 1 up.
        """
        raise NotImplementedError

    def update(self, preds: Ranked, target: Tensor) -> None:
        """Add users.

        Args:
            preds: their best items.
            target: how many relevant items each has, int64 `(users,)`; who has none does not count.
        """
        counted = target > 0
        values = self.of_users(preds.hits[:, : self.k].float(), target.clamp(min=1))
        self.total += (values * counted).sum()
        self.users += counted.sum()

    def compute(self) -> Tensor:
        """The mean, shape `()`."""
        return self.total / self.users


class Recall(TopK):
    """The share of a user's relevant items that is among the first `k`."""

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        return hits.sum(1) / relevant


class Precision(TopK):
    """The share of the first `k` items that is relevant."""

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        return hits.sum(1) / self.k


class HitRate(TopK):
    """Whether any of the first `k` items is relevant."""

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        return hits.amax(1)


class MRR(TopK):
    """Mean reciprocal rank: 1 over the place of the first relevant item, 0 where it is not among the first `k`."""

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        return (hits / _places(hits)).amax(1)


class NDCG(TopK):
    """Normalised discounted cumulative gain: every relevant item counts 1 / log2(place + 1), as a share of the best.

    The best is all relevant items first, of which no more than `k` are counted (Järvelin and Kekäläinen, 2002).
    """

    def of_users(self, hits: Tensor, relevant: Tensor) -> Tensor:
        # With fewer than k items in all the best ranking is no longer than that either.
        discounts = (_places(hits) + 1).log2().reciprocal()
        best = discounts.cumsum(0)[relevant.clamp(max=len(discounts)) - 1]
        return (hits @ discounts) / best


class Coverage(Metric):
    """The share of all items that is among the first `k` of at least one user.

    Args:
        num_items: how many there are; filled from the data.
        k: how many items are shown to a user.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    shown: Tensor

    def __init__(self, num_items: int, k: int = 10) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is a number of items from 1 up, not {k}")
        self.k = k
        # One more, for the -1 of a list that is not full.
        self.add_state("shown", torch.zeros(num_items + 1, dtype=torch.uint8), dist_reduce_fx="max")

    def update(self, preds: Ranked, target: Tensor) -> None:
        """Add users: their best items."""
        self.shown[preds.items[:, : self.k].flatten()] = 1

    def compute(self) -> Tensor:
        """The share, shape `()`."""
        return self.shown[:-1].float().mean()


class Novelty(Metric):
    """How little known the first `k` items are, in bits: the mean of -log2 of the share of users that have chosen one.

    From the training interactions, with one user more, who has chosen everything, so that an item nobody has chosen has
    a value too. After Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems" (2010).

    Args:
        k: how many items are shown to a user.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    total: Tensor
    shown: Tensor

    def __init__(self, k: int = 10) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is a number of items from 1 up, not {k}")
        self.k = k
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("shown", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Ranked, target: Tensor) -> None:
        """Add users: their best items."""
        there = preds.items[:, : self.k] >= 0
        self.total += (preds.information[:, : self.k] * there).sum()
        self.shown += there.sum()

    def compute(self) -> Tensor:
        """The mean over users and places, shape `()`."""
        return self.total / self.shown


def _places(hits: Tensor) -> Tensor:
    """1, 2, 3 and so on for the columns of `hits`, float32."""
    return torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=torch.float32)
