"""What users have seen already: it is masked in rankings, and sequential models begin from it. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit_recsys.interactions import Interactions
from toolkit_recsys.recommendation.placed import Placed


class Seen:
    """The items of each user, on any device.

    Args:
        interactions: of all users.
    """

    def __init__(self, interactions: Interactions) -> None:
        self.num_items = interactions.num_items
        self._rows = Placed(interactions.indptr, interactions.items)

    def pairs(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """All that users have seen: places in `users` and items, int64 `(pairs,)` both.

        Args:
            users: int64 `(batch,)`.
        """
        indptr, items = self._rows.at(users.device)
        begins = indptr[users]
        counts = indptr[users + 1] - begins
        places = torch.repeat_interleave(counts)
        # The place of a pair among all, less that of its user's first one, is its place among the user's own.
        begins = begins - (counts.cumsum(0) - counts)
        return places, items[begins[places] + torch.arange(len(places), device=users.device)]

    def mask(self, scores: Tensor, users: Tensor) -> Tensor:
        """Sets the scores of items that were seen to minus infinity, in place.

        Args:
            scores: `(batch, num_items)`, contiguous.
            users: int64 `(batch,)`.
        """
        places, items = self.pairs(users)
        scores.view(-1).index_fill_(0, places * self.num_items + items, -torch.inf)
        return scores

    def matrix(self, users: Tensor) -> Tensor:
        """Ones where a user has seen an item, float32 `(batch, num_items)`."""
        places, items = self.pairs(users)
        found = torch.zeros(len(users), self.num_items, device=users.device)
        found.view(-1).index_fill_(0, places * self.num_items + items, 1.0)
        return found

    def last(self, users: Tensor, length: int) -> Tensor:
        """The latest items of users, int64 `(batch, length)`, padded at the left with `num_items`."""
        indptr, items = self._rows.at(users.device)
        begins, ends = indptr[users, None], indptr[users + 1, None]
        places = ends - length + torch.arange(length, device=users.device)
        there = places >= begins
        return items[places.clamp(min=0)].where(there, self.num_items) if len(items) else places * 0 + self.num_items
