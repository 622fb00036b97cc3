"""Products of features of a bounded degree, by layers that cross. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from toolkit_recsys.clicks.features import FeatureTable, logit_of
from toolkit_recsys.clicks.layers import fully_connected


class Cross(nn.Module):
    """Layers `x_(l+1) = x_0 ⊙ (W x_l + b) + x_l` over `(batch, length)`; W of full rank, or a product of two matrices.

    Arguments:
        length: of x.
        layers: how many; the degree of the polynomial is one more.
        rank: of W; None for a full matrix.
    """

    def __init__(self, length: int, layers: int, rank: int | None) -> None:
        super().__init__()
        if rank is None:
            self.layers = nn.ModuleList(nn.Linear(length, length) for _ in range(layers))
        else:
            parts = ((nn.Linear(length, rank, bias=False), nn.Linear(rank, length)) for _ in range(layers))
            self.layers = nn.ModuleList(nn.Sequential(*each) for each in parts)

    def forward(self, first: Tensor) -> Tensor:
        crossed = first
        for layer in self.layers:
            crossed = torch.addcmul(crossed, first, layer(crossed))
        return crossed


class DCNv2(nn.Module):
    """DCN-V2 (Wang et al. 2021): cross layers on the vectors of all features, before a network or beside it.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        layers: how many cross layers.
        rank: of a cross layer's matrix, for wide inputs; None for a full one.
        structure: `stacked`, the network behind the cross layers, or `parallel`, both on the vectors.
        hidden: lengths of the network's layers.
        dropout: probability with which a number behind a layer is left out in training.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.

    Raises:
        ValueError: a number that cannot be.
    """

    def __init__(
        self,
        field_sizes: Sequence[int] = (),
        num_numerical: int = 0,
        multi_sizes: Sequence[int] = (),
        target_mean: float | None = None,
        width: int = 10,
        layers: int = 3,
        rank: int | None = None,
        structure: Literal["stacked", "parallel"] = "stacked",
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.2,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        if layers < 1 or (rank is not None and rank < 1):
            raise ValueError(f"layers={layers}, rank={rank}: numbers from 1 up")
        self.features = FeatureTable(field_sizes, num_numerical, multi_sizes, width, sparse=sparse)
        length = self.features.num_fields * width
        self.cross = Cross(length, layers, rank)
        self.deep = fully_connected(length, hidden, dropout, outputs=None)
        self.stacked = structure == "stacked"
        self.head = nn.Linear(hidden[-1] + (0 if self.stacked else length), 1)
        nn.init.constant_(self.head.bias, logit_of(target_mean))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        vectors = self.features(inputs).flatten(1)
        crossed = self.cross(vectors)
        last = self.deep(crossed) if self.stacked else torch.cat((crossed, self.deep(vectors)), dim=1)
        logits: Tensor = self.head(last).squeeze(1)
        return logits
