"""Evaluation against a few sampled items: what it is, and why not to. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit_recsys.interactions import Interactions
from toolkit_recsys.notes import note
from toolkit_recsys.recommendation.negatives import Uniform
from toolkit_recsys.recommendation.placed import Placed


class SampledCandidates:
    """The relevant items of a user are ranked among a few random others only, and not among all items.

    **The metrics are then no estimates of the metrics over all items, and can put models in another order**: what is
    better at the first places can look worse than what is mediocre everywhere (Krichene and Rendle, "On Sampled Metrics
    for Item Recommendation", KDD 2020). It is here to compare with papers that report such numbers. A run that uses it
    says so.

    The others are drawn once for every user, uniformly and with replacement, from what the user has not seen.

    Args:
        number: of other items.
        seed: which ones.

    Raises:
        ValueError: `number` is less than 1.
    """

    def __init__(self, number: int = 100, seed: int = 0) -> None:
        if number < 1:
            raise ValueError(f"number={number}: at least one other item")
        self.number = number
        self.seed = seed

    def prepare(self, seen: Mapping[str, Interactions]) -> None:
        """Draw the items of each split.

        Args:
            seen: by split, what users have seen before.
        """
        note(
            f"metrics rank {self.number} sampled items: they do not estimate those over all items, and can put models "
            "in another order (Krichene and Rendle, KDD 2020). Leave out task.candidates to rank all items"
        )
        self._drawn = {}
        for split, interactions in seen.items():
            sampler = Uniform()
            sampler.prepare(interactions)
            users = torch.arange(interactions.num_users).unsqueeze(1).expand(-1, self.number)
            self._drawn[split] = Placed(sampler.drawn(users, torch.Generator().manual_seed(self.seed)))

    def restricted(self, scores: Tensor, users: Tensor, wanted: Tensor, split: str) -> Tensor:
        """Scores with minus infinity for all but the relevant items and the sampled ones.

        Args:
            scores: `(batch, num_items)`.
            users: int64 `(batch,)`.
            wanted: where the relevant items are, bool `(batch, num_items)`.
            split: which items were sampled.
        """
        (drawn,) = self._drawn[split].at(users.device)
        return scores.masked_fill(~wanted.scatter(1, drawn[users], True), -torch.inf)
