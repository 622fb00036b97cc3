"""The fully connected part of models. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from toolkit_recsys.dropout import Dropout


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
