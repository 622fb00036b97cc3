"""Drop path: leaves out residual branches of single samples in training. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Sets the output of a residual branch to zero for samples drawn in training, and scales the others up for it.

    "Deep Networks with Stochastic Depth", Huang et al., 2016.

    Arguments:
        rate: probability with which a sample goes without the branch, from 0 up to but not 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Of `(batch, ...)`, the same shape."""
        if not self.training or self.rate == 0:
            return branch
        kept = torch.full((len(branch), *[1] * (branch.dim() - 1)), 1 - self.rate, device=branch.device)
        return branch * (kept.bernoulli() / kept).to(branch.dtype)

    def extra_repr(self) -> str:
        return f"rate={self.rate:.3g}"


def rising(rate: float, depth: int) -> list[float]:
    """Rates from 0 at the first of `depth` blocks to `rate` at the last, as the paper has them.

    Raises:
        ValueError: `rate` is not from 0 up to but not 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"drop_path is a probability from 0 up to but not 1, not {rate}")
    return [rate * block / max(depth - 1, 1) for block in range(depth)]
