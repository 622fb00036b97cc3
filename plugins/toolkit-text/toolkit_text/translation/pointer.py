"""Saying what stands in the source. Imports torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEAST = 1e-9
"""So probable is every token at least, whose logarithm is taken."""


class Pointer(nn.Module):
    """Copies tokens of the source, where that is likelier than to find them ("Get To The Point", See et al., 2017).

    A second attention looks for the token of the source that should stand here, and a gate says how much of the
    probability is its. Names, numbers and whole pieces of a translation that is given are said before they were learnt.

    Arguments:
        width: of the vectors.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.gate = nn.Linear(width, 1)

    def keys(self, encoded: Tensor) -> Tensor:
        """What `forward` has to know of a source `(batch, m, width)`, in the same shape."""
        keys: Tensor = self.key(encoded)
        return keys

    def forward(self, written: Tensor, logits: Tensor, source: Tensor, keys: Tensor, there: Tensor) -> Tensor:
        """Logarithms of probabilities `(batch, n, vocab_size)`, in float32.

        Arguments:
            written: what the decoder gives, `(batch, n, width)`.
            logits: of the tokens that it would say, `(batch, n, vocab_size)`.
            source: the tokens of the source, `(batch, m)`.
            keys: what `keys` returned.
            there: `(batch, m)`, False at padding.
        """
        scores = torch.bmm(self.query(written), keys.transpose(1, 2)).float() / math.sqrt(keys.shape[2])
        looked = scores.masked_fill(~there[:, None], -torch.inf).softmax(2)
        said = self.gate(written).float().sigmoid()
        mixed: Tensor = (logits.float().softmax(2) * said).scatter_add(
            2, source[:, None].expand(-1, written.shape[1], -1), looked * (1 - said)
        )
        return (mixed + LEAST).log()
