"""Ratings by matrix factorisation. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from toolkit_recsys.clicks.features import SPREAD, FeatureTable


class RatingMF(nn.Module):
    """Matrix factorisation with biases (Koren, Bell and Volinsky 2009): `m + b_u + b_i + <p_u, q_i>`.

    Users and items are the first two categorical fields; every other one adds a bias.

    Arguments:
        field_sizes: numbers in each categorical field.
        target_mean: mean rating in training, at which the mean begins.
        width: length of the vectors.
        spread: standard deviation of the vectors at the start.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.

    Raises:
        ValueError: there are not two fields.
    """

    def __init__(
        self,
        field_sizes: Sequence[int],
        target_mean: float = 0.0,
        width: int = 32,
        spread: float = 0.1,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        if len(field_sizes) < 2:
            raise ValueError(f"field_sizes={list(field_sizes)}: the first two categorical fields are users and items")
        self.features = FeatureTable(field_sizes, 0, (), 1 + width, weights=True, sparse=sparse)
        self.mean = nn.Parameter(torch.tensor(float(target_mean)))
        assert self.features.table is not None
        with torch.no_grad():
            self.features.table.weight[:, 1:] *= spread / SPREAD

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """`categorical`, whole numbers `(batch, fields)` → ratings `(batch,)`."""
        rows = self.features(inputs)
        ratings: Tensor = rows[..., 0].sum(1) + (rows[:, 0, 1:] * rows[:, 1, 1:]).sum(1) + self.mean
        return ratings
