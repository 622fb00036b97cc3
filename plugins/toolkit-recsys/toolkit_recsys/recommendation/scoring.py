"""Scores that are products of two vectors. Imports torch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def products(queries: Tensor, table: Tensor, items: Tensor | None = None) -> Tensor:
    """How well items fit.

    Args:
        queries: a vector for each row `(batch, width)`.
        table: a vector for each item `(num_items, width)`.
        items: which items: some for each row `(batch, n)`, the same for all rows `(n,)`, or None for all items.

    Returns:
        `(batch, n)`, or `(batch, num_items)`.
    """
    if items is None:
        return queries @ table.T
    if items.dim() == 1:
        return queries @ F.embedding(items, table).T
    return (F.embedding(items, table) * queries.unsqueeze(1)).sum(2)
