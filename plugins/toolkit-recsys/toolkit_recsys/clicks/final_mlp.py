"""Two networks that see the features through different gates. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from toolkit_recsys.clicks.features import FeatureTable, logit_of
from toolkit_recsys.clicks.layers import fully_connected


class FinalMLP(nn.Module):
    """FinalMLP (Mao et al. 2023): two networks on the vectors of all features, each behind a gate, joined bilinearly.

    A gate multiplies every number of the vectors by a number from 0 to 2. What a gate looks at is a learnt vector, as
    the paper has it where no fields are named for it. The outputs `a` and `b` of the networks are joined as
    `w_a a + w_b b + sum over heads of a_h W_h b_h`.

    Arguments:
        field_sizes: numbers in each categorical field.
        num_numerical: numerical features.
        multi_sizes: numbers in each multi-valued field.
        target_mean: share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        first: lengths of the layers of one network.
        second: lengths of the layers of the other.
        heads: parts into which both outputs are cut for the bilinear form.
        dropout: probability with which a number behind a layer is left out in training.
        sparse: whether the gradients of the table are sparse; see `toolkit_recsys.clicks.features.FeatureTable`.

    Raises:
        ValueError: the last layers cannot be cut into so many heads.
    """

    def __init__(
        self,
        field_sizes: Sequence[int] = (),
        num_numerical: int = 0,
        multi_sizes: Sequence[int] = (),
        target_mean: float | None = None,
        width: int = 10,
        first: Sequence[int] = (128, 128),
        second: Sequence[int] = (128,),
        heads: int = 4,
        dropout: float = 0.2,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.features = FeatureTable(field_sizes, num_numerical, multi_sizes, width, sparse=sparse)
        length = self.features.num_fields * width
        self.streams = nn.ModuleList(fully_connected(length, each, dropout, outputs=None) for each in (first, second))
        if heads < 1 or first[-1] % heads or second[-1] % heads:
            raise ValueError(
                f"heads={heads}: the last layers, {first[-1]} and {second[-1]}, are cut into so many parts"
            )
        self.contexts = nn.Parameter(torch.zeros(2, width))
        self.gates = nn.ModuleList(fully_connected(width, [64], 0.0, outputs=length) for _ in range(2))
        self.linear = nn.Linear(first[-1] + second[-1], 1)
        nn.init.constant_(self.linear.bias, logit_of(target_mean))
        self.bilinear = nn.Parameter(torch.empty(heads, first[-1] // heads, second[-1] // heads))
        nn.init.xavier_normal_(self.bilinear)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Features, as `FeatureTable` takes them → logits `(batch,)`."""
        vectors = self.features(inputs).flatten(1)
        outputs = [
            stream(vectors * (2 * gate(context).sigmoid()))
            for stream, gate, context in zip(self.streams, self.gates, self.contexts, strict=True)
        ]
        linear = self.linear(torch.cat(outputs, dim=1)).squeeze(1)
        one, other = (output.unflatten(1, (len(self.bilinear), -1)) for output in outputs)
        logits: Tensor = linear + torch.einsum("bhi,hij,bhj->b", one, self.bilinear, other)
        return logits
