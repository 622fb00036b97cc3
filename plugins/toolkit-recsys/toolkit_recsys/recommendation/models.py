"""What the task asks of a model, and what most models do alike. Imports torch."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from toolkit_recsys.interactions import History
from toolkit_recsys.recommendation.seen import Seen

IGNORED = -100
"""A target that does not count, as in torch's losses."""


class Recommender(Protocol):
    """A model that ranks items. A shape, not a base class.

    Its *rows* are what it recommends for: numbers of users `(batch,)`, or, where it has a `length`, the latest items of
    users `(batch, length)`, padded at the left with `num_items`.
    """

    @property
    def length(self) -> int | None:
        """How many of a user's latest items it reads; None for a model that knows users by their numbers."""
        ...

    def examples(self, batch: Any) -> tuple[Any, Tensor]:
        """What there is to learn from a training batch: rows as its own forward takes them, and targets.

        Targets are items `(n,)`, or shares of all items `(n, num_items)`.
        """
        ...

    def __call__(self, rows: Any, items: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Scores `(n, num_items)` in training, or, of some items only, `(n, k)` for items `(n, k)` or `(k,)`.

        With them may come a number to be added to the loss.
        """
        ...

    def scores(self, rows: Tensor) -> Tensor:
        """Scores of all items, `(batch, num_items)`."""
        ...


class UserModel(nn.Module):
    """A model that knows users by their numbers and learns from pairs of a user and an item."""

    length: int | None = None

    def examples(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The users and the items of a batch, `(batch,)` both.

        Raises:
            ValueError: it is a batch of sequences.
        """
        if len(batch) != 2:
            raise ValueError(
                f"{type(self).__name__} learns from pairs of a user and an item: leave out dataset.sequences"
            )
        return batch[0], batch[1]

    def scores(self, rows: Tensor) -> Tensor:
        scores: Tensor = self(rows)
        return scores


class FittedModel(UserModel):
    """A model that is computed from the interactions when it is built, and has nothing to train."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.seen = Seen(history.train)

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Scores of all items `(batch, num_items)`, or of those named."""
        scores = self.scores(users)
        if items is None:
            return scores
        return scores[:, items] if items.dim() == 1 else scores.gather(1, items)


def sequences_of(model: nn.Module, batch: Any) -> Tensor:
    """The sequences of a batch, `(batch, length + 1)`.

    Raises:
        ValueError: it is a batch of something else.
    """
    if len(batch) != 1 or batch[0].dim() != 2:
        name, length = type(model).__name__, getattr(model, "length", 50)
        raise ValueError(f"{name} learns from the items of a user in their order: set dataset.sequences={length}")
    sequences: Tensor = batch[0]
    return sequences
