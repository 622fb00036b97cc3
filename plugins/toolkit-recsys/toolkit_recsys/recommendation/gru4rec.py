"""A recurrent network over a user's items. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_recsys.dropout import Dropout
from toolkit_recsys.recommendation.sequential import SequentialModel


class GRU4Rec(SequentialModel):
    """A GRU over a user's items (Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR
    2016), trained with a softmax over all items and not with their sampled losses.

    Args:
        num_items: filled from the data.
        width: of the items' vectors.
        hidden: width of the network's state.
        layers: GRUs, one on top of the other.
        dropout: of the items' vectors.
        length: how many of a user's latest items are read.
    """

    def __init__(
        self,
        num_items: int,
        width: int = 64,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.3,
        length: int = 50,
    ) -> None:
        super().__init__(num_items, width, length)
        self.dropout = Dropout(dropout)
        self.gru = nn.GRU(width, hidden, layers, batch_first=True)
        self.project = nn.Linear(hidden, width)

    def states(self, rows: Tensor) -> Tensor:
        return self.project(self.gru(self.dropout(self.items(rows)))[0])  # type: ignore[no-any-return]
