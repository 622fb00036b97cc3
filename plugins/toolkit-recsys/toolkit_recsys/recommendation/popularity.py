"""What most users choose. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from toolkit_recsys.interactions import History
from toolkit_recsys.recommendation.models import FittedModel


class MostPopular(FittedModel):
    """Every user is shown the items that most users have chosen. Nothing is trained.

    Args:
        run_files: given by the core.

    Raises:
        ValueError: the dataset has no interactions.
    """

    counts: Tensor

    def __init__(self, run_files: Mapping[str, bytes] | None = None) -> None:
        history = History.from_files(run_files)
        super().__init__(history)
        self.register_buffer("counts", history.train.popularity().float())

    def scores(self, rows: Tensor) -> Tensor:
        """How many users have chosen each item, for every user `(batch, num_items)`."""
        return self.counts.repeat(len(rows), 1)
