"""The fully connected part of models. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_VALUES = 2**16
"""Of the 16 bits that decide over a number."""


class Dropout(nn.Dropout):
    """Dropout that on a CPU draws one random number of 64 bits for four numbers of its input.

    torch draws a number for each, in one thread: 3.0 ms for (2048, 128) there and back, and 1.2 this way; a step of
    DeepFM with three such layers took 25. The probability is right to within 1/131,072.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """`(...)` → `(...)`; in training with a share `p` of the numbers 0 and the others larger by 1 / (1 - p)."""
        if not self.training or inputs.device.type != "cpu":
            return functional.dropout(inputs, self.p, self.training)
        bits = torch.empty(-(-inputs.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        drawn = bits.view(torch.int16)[: inputs.numel()].view(inputs.shape)
        kept = drawn >= round(self.p * _VALUES) - _VALUES // 2
        return inputs * (kept.to(inputs.dtype) / (1 - self.p))


def fully_connected(inputs: int, hidden: Sequence[int], dropout: float, outputs: int | None = 1) -> nn.Sequential:
    """Linear layers, each followed by ReLU and dropout, and one to `outputs` numbers (None: without that one).

    Args:
        inputs: length of what comes in.
        hidden: lengths of the layers.
        dropout: probability with which a number behind a layer is left out in training.
        outputs: length of what comes out.

    Raises:
        ValueError: a length below 1, or no probability.
    """
    if any(size < 1 for size in hidden) or (outputs is None and not hidden):
        raise ValueError(f"hidden={list(hidden)}: lengths of layers, from 1 up, such as [128, 128]")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout}: a probability from 0 to below 1")
    layers: list[nn.Module] = []
    for before, after in pairwise((inputs, *hidden)):
        layers += [nn.Linear(before, after), nn.ReLU()]
        if dropout:
            layers.append(Dropout(dropout))
    if outputs is not None:
        layers.append(nn.Linear((inputs, *hidden)[-1], outputs))
    return nn.Sequential(*layers)
