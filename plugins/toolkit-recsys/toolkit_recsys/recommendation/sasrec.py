"""A causal Transformer over a user's items. Imports torch."""

from __future__ import annotations

from torch import Tensor

from toolkit_recsys.recommendation.attention import Encoder
from toolkit_recsys.recommendation.sequential import SequentialModel


class SASRec(SequentialModel):
    """Self-attention over a user's items, each of which sees those before it (Kang and McAuley, "Self-Attentive
    Sequential Recommendation", ICDM 2018).

    Trained with a softmax over all items in place of one sampled negative, which is the better loss (Klenitskiy and
    Vasilev, "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023).

    Args:
        num_items: filled from the data.
        width: of the vectors.
        layers: how many.
        heads: of the attention.
        dropout: of the vectors, of attention and of what layers add.
        length: how many of a user's latest items are read.

    Raises:
        ValueError: `heads` does not divide `width`.
    """

    def __init__(
        self,
        num_items: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.3,
        length: int = 50,
    ) -> None:
        super().__init__(num_items, width, length)
        self.encoder = Encoder(width, length, layers, heads, dropout, causal=True)

    def states(self, rows: Tensor) -> Tensor:
        vectors: Tensor = self.items(rows) * self.items.embedding_dim**0.5
        return self.encoder(vectors, rows != self.num_items)  # type: ignore[no-any-return]
