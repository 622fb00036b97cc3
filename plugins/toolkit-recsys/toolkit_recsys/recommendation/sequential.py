"""Models that read a user's items in their order. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from toolkit_recsys.recommendation.models import sequences_of


class SequentialModel(nn.Module):
    """From each item of a history to the chances of the next one; all places of a history are learnt from at once.

    The chances are a softmax over all items (`loss: cross_entropy`), whose logits are products of a state and the
    vectors that items are read with. A subclass has `states`.

    Args:
        num_items: of the data.
        width: of the vectors.
        length: how many of a user's latest items are read.
        extra: numbers behind those of the items and the padding, for tokens of the model's own.
    """

    def __init__(self, num_items: int, width: int, length: int, extra: int = 0) -> None:
        super().__init__()
        if length < 1:
            raise ValueError(f"length={length}: at least one item is read")
        self.num_items, self.length = num_items, length
        self.items = nn.Embedding(num_items + 1 + extra, width, padding_idx=num_items)
        nn.init.normal_(self.items.weight, std=0.02)
        with torch.no_grad():
            self.items.weight[num_items] = 0

    def states(self, rows: Tensor) -> Tensor:
        """What is known after each item of histories `(batch, length)`, `(batch, length, width)`."""
        raise NotImplementedError

    def examples(self, batch: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Histories with the places that have a next item, and those items `(n,)`."""
        sequences = sequences_of(self, batch)
        rows, following = sequences[:, :-1], sequences[:, 1:]
        if rows.shape[1] > self.length:
            raise ValueError(
                f"sequences of {rows.shape[1]} items are longer than the model reads: set model.length to "
                "${dataset.sequences}"
            )
        # Padding is at the left, and what follows it is a first item, of which nothing is known.
        places = (rows != self.num_items).flatten().nonzero().squeeze(1)
        return (rows, places), following.flatten()[places]

    def forward(self, rows: tuple[Tensor, Tensor], items: Tensor | None = None) -> Tensor:
        """Scores of all items after some places of histories `(n, num_items)`.

        Args:
            rows: histories `(batch, length)`, and the places among all of theirs `(n,)`.
            items: is None.
        """
        assert items is None, "the task gives no candidates to a model with a length"
        histories, places = rows
        return self._scored(self.states(histories).flatten(0, 1)[places])

    def scores(self, rows: Tensor) -> Tensor:
        """Scores of all items after histories `(batch, length)`, `(batch, num_items)`."""
        return self._scored(self.states(rows)[:, -1])

    def _scored(self, states: Tensor) -> Tensor:
        return states @ self.items.weight[: self.num_items].T
