"""Factorization machines that weigh every pair of fields. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from toolkit_recsys.clicks.features import LinearAndVectors


class FwFM(nn.Module):
    """A field-weighted factorization machine (Pan et al. 2018): `b + sum of w_i + sum over i < j of r_ij <v_i, v_j>`.

    It says what FFM (Juan et al. 2016) says with a vector for every pair of fields by one number for each pair. All
    weights begin at 1, so that it begins as an FM.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.
    """

    pairs: Tensor

    def __init__(
        self,
        field_sizes: Sequence[int] = (),
        num_numerical: int = 0,
        multi_sizes: Sequence[int] = (),
        target_mean: float | None = None,
        width: int = 10,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.linear = LinearAndVectors(field_sizes, num_numerical, multi_sizes, target_mean, width, sparse)
        fields = self.linear.num_fields
        self.register_buffer("pairs", torch.triu_indices(fields, fields, 1), persistent=False)
        self.strengths = nn.Parameter(torch.ones(self.pairs.shape[1]))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        linear, vectors = self.linear(inputs)
        products = torch.bmm(vectors, vectors.transpose(1, 2))[:, self.pairs[0], self.pairs[1]]
        logits: Tensor = linear + products @ self.strengths
        return logits
