"""A Transformer that fills in items of a user's history. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit_recsys.recommendation.attention import Encoder
from toolkit_recsys.recommendation.models import sequences_of
from toolkit_recsys.recommendation.sequential import SequentialModel


class BERT4Rec(SequentialModel):
    """Self-attention in both directions, trained to fill in masked items; what comes next is a mask at the end (Sun et
    al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer", CIKM 2019).

    Args:
        num_items: filled from the data.
        width: of the vectors.
        layers: how many.
        heads: of the attention.
        dropout: of the vectors, of attention and of what layers add.
        length: how many of a user's latest items are read.
        masked: the share of a history's items that is to be filled in; the last item of each is one more as often.

    Raises:
        ValueError: `heads` does not divide `width`, or `masked` is not between 0 and 1.
    """

    def __init__(
        self,
        num_items: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.3,
        length: int = 50,
        masked: float = 0.2,
    ) -> None:
        super().__init__(num_items, width, length, extra=1)
        if not 0 < masked < 1:
            raise ValueError(f"masked={masked}: a share between 0 and 1")
        self.masked = masked
        # One place more, for the mask behind the history.
        self.encoder = Encoder(width, length + 1, layers, heads, dropout, causal=False)

    def examples(self, batch: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Histories with masks in them and the places of these, and the items that they stand for `(n,)`."""
        sequences = sequences_of(self, batch)[:, -self.length - 1 :]
        masked = torch.rand(sequences.shape, device=sequences.device) < self.masked
        # What is asked for in the end is the last item; without this it would be masked as seldom as any other.
        masked[:, -1] |= torch.rand(len(sequences), device=sequences.device) < 0.5
        masked &= sequences != self.num_items
        places = masked.flatten().nonzero().squeeze(1)
        return (sequences.masked_fill(masked, self.num_items + 1), places), sequences.flatten()[places]

    def states(self, rows: Tensor) -> Tensor:
        vectors: Tensor = self.items(rows) * self.items.embedding_dim**0.5
        return self.encoder(vectors, rows != self.num_items)  # type: ignore[no-any-return]

    def scores(self, rows: Tensor) -> Tensor:
        mask = torch.full_like(rows[:, :1], self.num_items + 1)
        return super().scores(torch.cat([rows, mask], dim=1))
