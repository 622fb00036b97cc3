"""A weight for every value: what all other models are held against. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from toolkit_recsys.clicks.features import LinearAndVectors


class LogisticRegression(nn.Module):
    """Logistic regression on all features: `b + sum of w`.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.
    """

    def __init__(
        self,
        field_sizes: Sequence[int] = (),
        num_numerical: int = 0,
        multi_sizes: Sequence[int] = (),
        target_mean: float | None = None,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.linear = LinearAndVectors(field_sizes, num_numerical, multi_sizes, target_mean, 0, sparse)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        logits: Tensor = self.linear(inputs)[0]
        return logits
