"""Batches of tensors in memory, gathered whole by index. Imports torch, not Lightning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit.data.layout import Layout, leaves
from toolkit.data.order import Order, Plan
from toolkit.data.position import Positioned
from toolkit.data.splits import Tensors

CHUNK_BYTES = 512 * 1024
CHUNK_BATCHES = 8
"""Several small batches are gathered at once and handed out as views. Measured with (60000, 1, 28, 28) uint8 and batch
64 on one thread: 70 us a batch by `x[index]`, 26 by `index_select`, 12 by eight batches at once; 16 more than fill the
L2 cache and are slower."""


class TensorLoader(Positioned):
    """Batches of tensors in memory, gathered whole by index; no Python per sample, dtypes kept.

    Yields what the split is, a tuple or a dict of tensors or a tuple with dicts in it, with shapes `(batch, ...)`. The
    batches are copies: a transform may change one in place.
    """

    def __init__(self, tensors: Tensors, plan: Plan, order: Order, *, pin_memory: bool = False) -> None:
        super().__init__(order)
        self.plan = plan
        self._layout = Layout(tensors)
        self._tensors: list[Tensor] = [part for _, part in leaves(tensors)]
        self._pin_memory = pin_memory

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[Any]:
        share = self.plan.share(self.order.of(self.plan.samples)).to(self._tensors[0].device)
        bounds = self.plan.bounds(self.order.position())
        for parts in gathered(self._tensors, share, bounds, self.plan.batch_size, pin_memory=self._pin_memory):
            yield self._layout(parts)


def gathered(
    tensors: Sequence[Tensor],
    index: Tensor,
    bounds: Sequence[tuple[int, int]],
    batch_size: int,
    *,
    pin_memory: bool,
) -> Iterator[list[Tensor]]:
    """The batches of `tensors`, each a list of tensors of shapes `(batch, ...)`.

    Args:
        tensors: with equal first dimension, the samples.
        index: the samples in their order, on the tensors' device.
        bounds: where in `index` each batch starts and stops; the batches follow each other.
        batch_size: how long a batch is, about.
        pin_memory: whether to gather into page-locked memory.
    """
    sample_bytes = max(1, sum(part[:1].nbytes for part in tensors))
    chunk = min(CHUNK_BATCHES, max(1, CHUNK_BYTES // (sample_bytes * batch_size)))
    for first in range(0, len(bounds), chunk):
        batches = bounds[first : first + chunk]
        offset = batches[0][0]
        wanted = index[offset : batches[-1][1]]
        together = [_gather(part, wanted, pin_memory) for part in tensors]
        for start, stop in batches:
            yield [part[start - offset : stop - offset] for part in together]


def _gather(part: Tensor, index: Tensor, pin_memory: bool) -> Tensor:
    if not pin_memory:
        return part.index_select(0, index)
    # Page-locked memory lets Lightning's copy to the device run beside the step.
    pinned = torch.empty((len(index), *part.shape[1:]), dtype=part.dtype, pin_memory=True)
    return torch.index_select(part, 0, index, out=pinned)
