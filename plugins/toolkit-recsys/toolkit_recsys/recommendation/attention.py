"""The Transformer's layers that sequential models share. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit_recsys.dropout import Dropout


class Encoder(nn.Module):
    """Transformer layers over vectors of items (Vaswani et al., 2017), normalised in front of each part.

    Args:
        width: of the vectors.
        length: greatest number of places; each has a vector of its own, counted from the right.
        layers: how many.
        heads: of the attention; they divide `width`.
        dropout: of the vectors, of attention and of what each part adds.
        causal: whether a place sees none after it.
    """

    def __init__(self, width: int, length: int, layers: int, heads: int, dropout: float, *, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads={heads} does not divide width={width}")
        self.places = nn.Parameter(torch.randn(length, width) * 0.02)
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.causal = causal

    def forward(self, vectors: Tensor, there: Tensor) -> Tensor:
        """Vectors `(batch, length, width)` to such; padding, False in `there` `(batch, length)`, is not seen."""
        length = vectors.shape[1]
        # A place sees itself in any case: a softmax over nothing is no number.
        seen = there.unsqueeze(1) | torch.eye(length, dtype=torch.bool, device=vectors.device)
        seen = (seen.tril() if self.causal else seen).unsqueeze(1)
        found = self.dropout(vectors + self.places[-length:])
        for layer in self.layers:
            found = layer(found, seen)
        normed: Tensor = self.norm(found)
        return normed


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, Dropout(dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query_key_value = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, vectors: Tensor, seen: Tensor) -> Tensor:
        batch, length, width = vectors.shape
        together = self.query_key_value(self.norms[0](vectors)).view(batch, length, 3, self.heads, -1)
        query, key, value = together.permute(2, 0, 3, 1, 4)
        attended = self._attended(query, key, value, seen).transpose(1, 2).reshape(batch, length, width)
        vectors = vectors + self.dropout(self.project(attended))
        inner: Tensor = self.dropout(self.narrow(F.gelu(self.widen(self.norms[1](vectors)))))
        return vectors + inner

    def _attended(self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor) -> Tensor:
        """Attention `(batch, heads, length, width)`."""
        dropped = self.dropout.p if self.training else 0.0
        if dropped and query.device.type == "cpu":
            # What torch computes there with dropout, but for the dropout, which is the most of it (torch 2.14).
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)
            weights: Tensor = self.dropout(scores.masked_fill(~seen, -torch.inf).softmax(-1))
            return weights @ value
        return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=dropped)
