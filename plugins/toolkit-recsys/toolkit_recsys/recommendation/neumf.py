"""Neural collaborative filtering. Imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit_recsys.recommendation.models import UserModel

AT_ONCE = 2**20
"""So many numbers of a hidden layer are in memory at a time when all items are scored. Measured with 943 users and 1682
items, one layer of 64, one thread: 0.11 s of processor time; 0.60 with eight times as many, 0.24 with a quarter."""


class NeuMF(UserModel):
    """Matrix factorisation and a network over user and item side by side (He et al., "Neural Collaborative Filtering",
    WWW 2017); trained from the start together, and with the loss `pointwise`.

    The network's first layer is linear in the user's and in the item's vector. It is computed for each of them by
    itself, once for whole tables where that is less work, and added up for the pairs.

    Args:
        num_users: filled from the data.
        num_items: filled from the data.
        width: of the vectors, which are others for the factorisation and for the network.
        hidden: widths of the network's layers, at least one.
        dropout: in front of each of them but the first.
    """

    def __init__(
        self, num_users: int, num_items: int, width: int = 64, hidden: Sequence[int] = (128, 64), dropout: float = 0.1
    ) -> None:
        super().__init__()
        if not hidden:
            raise ValueError("hidden is empty: the network has at least one layer")
        self.users, self.items = nn.Embedding(num_users, width), nn.Embedding(num_items, width)
        self.user_inputs, self.item_inputs = nn.Embedding(num_users, width), nn.Embedding(num_items, width)
        self.from_user = nn.Linear(width, hidden[0])
        self.from_item = nn.Linear(width, hidden[0], bias=False)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(hidden))
        self.head = nn.Linear(width + hidden[-1], 1)
        self.dropout = dropout
        for table in (self.users, self.items, self.user_inputs, self.item_inputs):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Logits of all items `(batch, num_items)`, or of those named."""
        if items is None:
            every = torch.arange(self.items.num_embeddings, device=users.device)
            size = max(1, AT_ONCE // (len(every) * self.from_user.out_features))
            return torch.cat([self.forward(part, every) for part in torch.split(users, size)])
        shared = items.dim() == 1
        of_items = self._projected(self.item_inputs, self.from_item, items)
        hidden = self._projected(self.user_inputs, self.from_user, users).unsqueeze(1) + of_items
        for layer in self.layers:
            hidden = layer(F.dropout(hidden.relu(), self.dropout, self.training))
        hidden = hidden.relu()
        # The head by its two halves: the products of the factorisation are never held next to what the network says.
        of_products, of_hidden = torch.split(self.head.weight[0], [self.users.embedding_dim, hidden.shape[-1]])
        queries, keys = self.users(users) * of_products, self.items(items)
        factors = queries @ keys.T if shared else (queries.unsqueeze(1) * keys).sum(2)
        scores: Tensor = factors + hidden @ of_hidden + self.head.bias
        return scores

    @staticmethod
    def _projected(table: nn.Embedding, layer: nn.Linear, numbers: Tensor) -> Tensor:
        """What the first layer makes of the vectors of users or items."""
        if numbers.numel() > table.num_embeddings:
            return F.embedding(numbers, layer(table.weight))
        return layer(table(numbers))  # type: ignore[no-any-return]
