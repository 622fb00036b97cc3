"""Items that the same users choose. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit_recsys.interactions import History
from toolkit_recsys.recommendation.ease import together
from toolkit_recsys.recommendation.models import FittedModel


class ItemKNN(FittedModel):
    """An item scores as much as it is like the items that the user has chosen (Deshpande and Karypis, "Item-Based Top-N
    Recommendation Algorithms", TOIS 2004).

    Two items are alike by the cosine between the users who have chosen them; only the `neighbours` most alike of each
    item count. It is computed when it is built: nothing is trained. Memory goes with the square of the number of items.

    Args:
        run_files: given by the core.
        neighbours: of each item.
        shrink: added to what the cosine divides by, against what a few users have in common.

    Raises:
        ValueError: the dataset has no interactions, `neighbours` is less than 1, or `shrink` is negative.
    """

    likeness: Tensor

    def __init__(
        self, run_files: Mapping[str, bytes] | None = None, neighbours: int = 100, shrink: float = 0.0
    ) -> None:
        history = History.from_files(run_files)
        super().__init__(history)
        if neighbours < 1 or shrink < 0:
            raise ValueError(f"neighbours={neighbours}, shrink={shrink}: from 1 and from 0 up")
        common = together(history)
        norms = common.diagonal().sqrt()
        likeness = common / (norms.unsqueeze(1) * norms + shrink).clamp(min=1e-12)
        likeness.fill_diagonal_(0)
        # By column: what an item gets from the items that are most like it.
        best = likeness.topk(min(neighbours, len(likeness)), dim=0)
        self.register_buffer("likeness", torch.zeros_like(likeness).scatter_(0, best.indices, best.values))

    @classmethod
    def untrained(
        cls, run_files: Mapping[str, bytes] | None = None, neighbours: int = 100, shrink: float = 0.0
    ) -> ItemKNN:
        """The same with room for what a checkpoint holds."""
        model = cls.__new__(cls)
        history = History.from_files(run_files)
        FittedModel.__init__(model, history)
        model.register_buffer("likeness", torch.zeros(history.train.num_items, history.train.num_items))
        return model

    def scores(self, rows: Tensor) -> Tensor:
        """Scores of all items, `(batch, num_items)`."""
        return self.seen.matrix(rows) @ self.likeness
