"""A linear model from items to items, in closed form. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit_recsys.interactions import History
from toolkit_recsys.recommendation.models import FittedModel
from toolkit_recsys.recommendation.seen import Seen

AT_ONCE = 2**24
"""So many numbers of the matrix of users and items are in memory at a time."""


class EASE(FittedModel):
    """The linear model that best tells what a user has chosen from the other items the user has chosen.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019). It is computed when it is built, from the
    training interactions: nothing is trained. Memory goes with the square of the number of items, time with the cube:
    20,000 items need 1.6 GB and a minute or so.

    Args:
        run_files: given by the core.
        regularization: what is added to the diagonal of the item-item matrix; larger for sparser data.

    Raises:
        ValueError: the dataset has no interactions, or `regularization` is not above 0.
    """

    weights: Tensor

    def __init__(self, run_files: Mapping[str, bytes] | None = None, regularization: float = 250.0) -> None:
        history = History.from_files(run_files)
        super().__init__(history)
        if regularization <= 0:
            raise ValueError(f"regularization={regularization}: above 0")
        gram = together(history)
        gram.diagonal().add_(regularization)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram.double()))
        weights = inverse / -inverse.diagonal()
        weights.fill_diagonal_(0)
        self.register_buffer("weights", weights.float())

    @classmethod
    def untrained(cls, run_files: Mapping[str, bytes] | None = None, regularization: float = 250.0) -> EASE:
        """The same with room for the weights of a checkpoint."""
        model = cls.__new__(cls)
        history = History.from_files(run_files)
        FittedModel.__init__(model, history)
        model.register_buffer("weights", torch.zeros(history.train.num_items, history.train.num_items))
        return model

    def scores(self, rows: Tensor) -> Tensor:
        """Scores of all items, `(batch, num_items)`."""
        return self.seen.matrix(rows) @ self.weights


def together(history: History) -> Tensor:
    """How many users have chosen both of two items, float32 `(num_items, num_items)`."""
    seen, items = Seen(history.train), history.train.num_items
    found = torch.zeros(items, items)
    for users in torch.split(torch.arange(history.train.num_users), max(1, AT_ONCE // items)):
        rows = seen.matrix(users)
        found.addmm_(rows.T, rows)
    return found
