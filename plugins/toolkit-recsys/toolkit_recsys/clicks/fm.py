"""Factorization machines: what two features mean together. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from toolkit_recsys.clicks.features import LinearAndVectors


class FM(nn.Module):
    """A factorization machine (Rendle 2010): logistic regression, plus the products of the vectors of all pairs.

    `b + sum of w_i x_i + sum over i < j of <v_i, v_j> x_i x_j`, the last by sums alone:
    `(|sum of v_i x_i|² - sum of |v_i x_i|²) / 2`.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.
    """

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

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        linear, vectors = self.linear(inputs)
        logits: Tensor = linear + pairwise(vectors)
        return logits


def pairwise(vectors: Tensor) -> Tensor:
    """The sum of the scalar products of all pairs of vectors `(batch, fields, width)`, `(batch,)`."""
    return (vectors.sum(1).square() - vectors.square().sum(1)).sum(1) / 2
