"""Ratings from how users and items rate on average: what other models are held against. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from toolkit_recsys.clicks.features import FeatureTable


class Biases(nn.Module):
    """The bias model (Koren 2009): a mean, and what each user and each item adds to it: `m + b_u + b_i`.

    Every other categorical field adds its own. Regularise by `weight_decay`, without it for the mean:
    `optimizer: {use: adam, weight_decay: 1e-4, no_decay: mean}`.

    Arguments:
        field_sizes: numbers in each categorical field.
        target_mean: mean rating in training, at which the mean begins.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.
    """

    def __init__(self, field_sizes: Sequence[int], target_mean: float = 0.0, sparse: bool = False) -> None:
        super().__init__()
        self.features = FeatureTable(field_sizes, 0, (), 1, weights=True, sparse=sparse)
        self.mean = nn.Parameter(torch.tensor(float(target_mean)))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """`categorical`, whole numbers `(batch, fields)` → ratings `(batch,)`."""
        ratings: Tensor = self.features(inputs).sum((1, 2)) + self.mean
        return ratings
