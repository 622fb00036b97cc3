"""Matrix factorisation over a graph. Imports torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from toolkit_recsys.interactions import History, Interactions
from toolkit_recsys.recommendation.models import UserModel
from toolkit_recsys.recommendation.placed import Placed
from toolkit_recsys.recommendation.scoring import products


class LightGCN(UserModel):
    """Users and items as neighbours in a graph: a vector is the mean of itself, its neighbours', theirs, and so on.

    Each layer adds up the vectors of the neighbours, each divided by the root of the product of both degrees; there are
    no weights but the vectors of layer 0 (He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for
    Recommendation", SIGIR 2020). The graph is that of the training interactions; all vectors are computed once a step,
    by products with a sparse matrix, and so large batches are the faster ones. The paper's regularisation is the
    optimizer's `weight_decay`.

    Args:
        num_users: filled from the data.
        num_items: filled from the data.
        run_files: given by the core.
        width: of the vectors.
        layers: how far neighbours are looked at.

    Raises:
        ValueError: the dataset has no interactions, or `layers` is negative.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        run_files: Mapping[str, bytes] | None = None,
        width: int = 64,
        layers: int = 2,
    ) -> None:
        super().__init__()
        if layers < 0:
            raise ValueError(f"layers={layers}: from 0 up")
        self.num_users, self.num_items, self.layers = num_users, num_items, layers
        self.vectors_of_layer_0 = nn.Parameter(torch.empty(num_users + num_items, width))
        nn.init.xavier_uniform_(self.vectors_of_layer_0[:num_users])
        nn.init.xavier_uniform_(self.vectors_of_layer_0[num_users:])
        self._graph = Placed(*normalized_graph(History.from_files(run_files).train))

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Scores of all items `(batch, num_items)`, or of those named."""
        of_users, of_items = self.vectors()
        return products(nn.functional.embedding(users, of_users), of_items, items)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of all users and of all items, whose products are the scores."""
        vectors = mean = self.vectors_of_layer_0
        graph = _matrix(*self._graph.at(vectors.device))
        for _ in range(self.layers):
            vectors = _Symmetric.apply(graph, vectors)
            mean = mean + vectors
        of_users, of_items = (mean / (self.layers + 1)).split([self.num_users, self.num_items])
        return of_users, of_items


def normalized_graph(interactions: Interactions) -> tuple[Tensor, Tensor, Tensor]:
    """The symmetric matrix over users and, behind them, items, as CSR: where rows begin, columns, values.

    1 over the root of the product of the degrees where a user has chosen an item, and 0 elsewhere.
    """
    num_users, nodes = interactions.num_users, interactions.num_users + interactions.num_items
    users, items = interactions.users(), interactions.items + num_users
    rows, columns = torch.cat([users, items]), torch.cat([items, users])
    order = (rows * nodes + columns).argsort()
    rows, columns = rows[order], columns[order]
    degrees = torch.bincount(rows, minlength=nodes)
    begins = torch.cat([torch.zeros(1, dtype=torch.int64), degrees.cumsum(0)])
    values = (degrees[rows].float() * degrees[columns].float()).rsqrt()
    return begins, columns, values


def _matrix(begins: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    nodes = len(begins) - 1
    with warnings.catch_warnings():
        # torch says once in every process that these tensors are in beta state.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(begins, columns, values, (nodes, nodes), check_invariants=False)


class _Symmetric(torch.autograd.Function):
    """A product with a symmetric sparse matrix. Its gradient is one as well; torch would transpose the matrix first."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, vectors: Tensor) -> Tensor:
        ctx.matrix = matrix
        return matrix @ vectors

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:  # type: ignore[override]
        return None, ctx.matrix @ gradient
