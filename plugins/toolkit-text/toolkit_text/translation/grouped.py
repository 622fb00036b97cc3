"""An order in which neighbours are of similar length, for what makes batches of whatever comes. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor


def grouped(lengths: Tensor, groups: int, generator: torch.Generator) -> Tensor:
    """A shuffled order, `(samples,)`, in groups of samples of similar length that are equally large.

    What is left over, which is less than a group, comes last, and is of similar length as well.

    Arguments:
        lengths: of the samples, `(samples,)`.
        groups: how many at most.
        generator: of the order.
    """
    size = max(1, -(-len(lengths) // groups))
    shuffled = torch.randperm(len(lengths), generator=generator)
    ranked = shuffled[lengths[shuffled].argsort(stable=True)]
    whole, left = divmod(len(ranked), size)
    # Cut out between two groups, anywhere; at the end it would always have the longest samples.
    start = size * int(torch.randint(whole + 1, (), generator=generator))
    last = ranked[start : start + left]
    full = torch.cat((ranked[:start], ranked[start + left :])).view(whole, size)
    return torch.cat((full[torch.randperm(whole, generator=generator)].flatten(), last))
