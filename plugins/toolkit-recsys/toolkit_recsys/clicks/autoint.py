"""Attention between the features of a sample. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from toolkit_recsys.clicks.features import FeatureTable, logit_of


class AutoInt(nn.Module):
    """AutoInt (Song et al. 2019): layers of self-attention in which every feature looks at all others.

    A layer is `ReLU(attention(x) + W x)`. Scores are divided by the root of a head's width, which the paper does not
    do.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        layers: how many layers of attention.
        heads: how many ways each layer looks.
        head_width: length of what a head gives; a feature has `heads * head_width` numbers behind a layer.
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
        width: int = 16,
        layers: int = 3,
        heads: int = 2,
        head_width: int = 16,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        if min(layers, heads, head_width) < 1:
            raise ValueError(f"layers={layers}, heads={heads}, head_width={head_width}: numbers from 1 up")
        self.features = FeatureTable(field_sizes, num_numerical, multi_sizes, width, sparse=sparse)
        self.heads = heads
        self.inside = inside = heads * head_width
        # Queries, keys, values and the residual by one product.
        self.layers = nn.ModuleList(
            nn.Linear(inside if number else width, 4 * inside, bias=False) for number in range(layers)
        )
        self.head = nn.Linear(self.features.num_fields * inside, 1)
        nn.init.constant_(self.head.bias, logit_of(target_mean))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        vectors = self.features(inputs)
        for layer in self.layers:
            batch, fields, _ = vectors.shape
            parts, residual = layer(vectors).split((3 * self.inside, self.inside), dim=2)
            queries, keys, values = parts.view(batch, fields, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            attended = functional.scaled_dot_product_attention(queries, keys, values)
            vectors = functional.relu(attended.transpose(1, 2).flatten(2) + residual)
        logits: Tensor = self.head(vectors.flatten(1)).squeeze(1)
        return logits
