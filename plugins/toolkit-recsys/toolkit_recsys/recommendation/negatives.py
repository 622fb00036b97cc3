"""Items that a user has not chosen, to hold the chosen one against. Imports torch.

They are drawn on the device, for a whole batch at once, and never is one of them an item that the user is known to have
chosen in training: nothing is drawn again and again until it fits, because the draw is among the others from the start.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from toolkit_recsys.interactions import Interactions
from toolkit_recsys.recommendation.placed import Placed

FINE = 2**20
"""Weights are whole numbers; the greatest is this one where they are no counts."""


class Candidates(NamedTuple):
    """The items that a row's target is to be told from, the target among them."""

    items: Tensor
    """`(batch, k)`, or the same ones for all rows `(k,)`."""
    targets: Tensor
    """The target's place among them, int64 `(batch,)`."""
    offsets: Tensor | None = None
    """Added to their scores, a shape that can be broadcast to `(batch, k)`: minus infinity for what is no negative."""


class Negatives:
    """What samplers have in common; the task calls `prepare` once and `candidates` for each batch."""

    def prepare(self, interactions: Interactions) -> None:
        """Learn what is known.

        Raises:
            ValueError: a user has chosen every item.
        """
        raise NotImplementedError

    def candidates(self, users: Tensor, items: Tensor) -> Candidates:
        """Negatives for each row.

        Args:
            users: int64 `(batch,)`.
            items: what they have chosen, int64 `(batch,)`.
        """
        raise NotImplementedError


class Drawn(Negatives):
    """Negatives for each row by itself, with replacement, with chances as whole-numbered weights have them.

    All weights lie side by side on a line, item by item. A user's line is the same without what the user has chosen; a
    place on it is found on the whole line by adding the weights of the chosen items before it, which bisection counts.
    """

    def __init__(self, number: int = 1, corrected: bool = False) -> None:
        if number < 1:
            raise ValueError(f"number={number}: at least one negative is drawn")
        self.number = number
        self.corrected = corrected

    def weights(self, interactions: Interactions) -> Tensor:
        """Of each item, int64 `(num_items,)`, from 0 up."""
        raise NotImplementedError

    def prepare(self, interactions: Interactions) -> None:
        weights = self.weights(interactions)
        keys = interactions.keys()
        users, items = keys // interactions.num_items, keys % interactions.num_items
        ends = weights.cumsum(0)
        self._line = int(ends[-1])
        # Of the chosen items, one user's after another's: the weights up to each one.
        chosen = torch.cat([torch.zeros(1, dtype=torch.int64), weights[items].cumsum(0)])
        before = chosen[interactions.indptr]
        free = self._line - before.diff()
        if bool((free <= 0).any()):
            number = int((free <= 0).nonzero()[0])
            raise ValueError(
                f"there is no negative for user number {number}, who has chosen every item that can be drawn"
            )
        # Where on the user's own line each chosen item was cut out; a user's lie behind those of the users before.
        cuts = (ends - weights)[items] - (chosen[:-1] - before[users]) + users * (self._line + 1)
        self._lines = Placed(cuts, chosen, before, free, ends, weights.float().log())
        self._even = bool((weights == 1).all())

    def candidates(self, users: Tensor, items: Tensor) -> Candidates:
        drawn = self.drawn(users.unsqueeze(1).expand(-1, self.number))
        together = torch.cat([items.unsqueeze(1), drawn], dim=1)
        offsets = None
        if self.corrected:
            # How often an item is drawn says nothing of how well it fits (Bengio and Senecal, 2008).
            offsets = -self._lines.at(users.device)[-1][together]
        return Candidates(together, torch.zeros_like(items), offsets)

    def drawn(self, users: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """An item for each user that the user has not chosen; numbers of users and items, int64, of one shape."""
        cuts, chosen, before, free, ends, _ = self._lines.at(users.device)
        # 62 random bits, of which a remainder is even enough; float32 has too few for millions of items.
        random = torch.randint(2**62, users.shape, device=users.device, generator=generator)
        places = random.remainder_(free[users])
        passed = torch.searchsorted(cuts, users * (self._line + 1) + places, right=True)
        places += chosen[passed] - before[users]
        return places if self._even else torch.searchsorted(ends, places, right=True)


class Uniform(Drawn):
    """Every item that the user has not chosen with the same chance.

    Args:
        number: of negatives for each chosen item.
    """

    def __init__(self, number: int = 1) -> None:
        super().__init__(number)

    def weights(self, interactions: Interactions) -> Tensor:
        return torch.ones(interactions.num_items, dtype=torch.int64)


class Popularity(Drawn):
    """Items by how many users have chosen them, which gives harder negatives; one that nobody has is never drawn.

    Args:
        number: of negatives for each chosen item.
        power: of the number of users: 1 for chances in proportion to it, 0.75 as word2vec has it.
        corrected: whether the logarithm of an item's chance is taken from its score in training. For a softmax over the
            candidates (`loss: cross_entropy`), which otherwise learns to what degree an item is chosen more often than
            it is drawn; for the loss `bpr` there is nothing to correct.
    """

    def __init__(self, number: int = 1, power: float = 1.0, corrected: bool = False) -> None:
        super().__init__(number, corrected)
        if power < 0:
            raise ValueError(f"power={power}: from 0 up")
        self.power = power

    def weights(self, interactions: Interactions) -> Tensor:
        counts = interactions.popularity()
        if self.power == 1:
            return counts
        weights = counts.double().pow(self.power)
        return (weights * (FINE / weights.max())).ceil().long().where(counts > 0, 0)


class InBatch(Negatives):
    """The items that the other rows of the batch have chosen: one matrix product, and no drawing.

    An item comes as often as it is chosen, so that popular ones would be pushed down; `corrected` takes the logarithm
    of an item's share of all interactions from its score in training (Yi et al., "Sampling-Bias-Corrected Neural
    Modeling for Large Corpus Item Recommendations", RecSys 2019; counted over the training data, where they estimate
    it from a stream).

    Args:
        corrected: whether that is done.
    """

    def __init__(self, corrected: bool = True) -> None:
        self.corrected = corrected

    def prepare(self, interactions: Interactions) -> None:
        self._known = interactions
        shares = interactions.popularity().clamp(min=1).float() / max(1, len(interactions))
        self._logarithms = Placed(shares.log())

    def candidates(self, users: Tensor, items: Tensor) -> Candidates:
        own = torch.arange(len(items), device=items.device)
        known = self._known.contains(users.unsqueeze(1), items.unsqueeze(0))
        # The own item is known too; another row with that item is not a second target.
        known.fill_diagonal_(False)
        offsets = torch.zeros_like(known, dtype=torch.float32).masked_fill_(known, -torch.inf)
        if self.corrected:
            offsets -= self._logarithms.at(items.device)[0][items]
        return Candidates(items, own, offsets)
