"""A factorization machine beside a network, on the same vectors. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from toolkit_recsys.clicks.features import LinearAndVectors
from toolkit_recsys.clicks.fm import pairwise
from toolkit_recsys.clicks.layers import fully_connected


class DeepFM(nn.Module):
    """DeepFM (Guo et al. 2017): a factorization machine plus a network, which share the vectors of features.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        hidden: lengths of the network's layers.
        dropout: probability with which a number behind a layer is left out in training.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.
    """

    def __init__(
        self,
        field_sizes: Sequence[int] = (),
        num_numerical: int = 0,
        multi_sizes: Sequence[int] = (),
        target_mean: float | None = None,
        width: int = 10,
        hidden: Sequence[int] = (128, 128, 128),
        dropout: float = 0.2,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.linear = LinearAndVectors(field_sizes, num_numerical, multi_sizes, target_mean, width, sparse)
        self.deep = fully_connected(self.linear.num_fields * width, hidden, dropout)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        linear, vectors = self.linear(inputs)
        logits: Tensor = linear + pairwise(vectors) + self.deep(vectors.flatten(1)).squeeze(1)
        return logits
