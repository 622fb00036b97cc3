"""Batches of arrays on disk, read in blocks whose order is shuffled. Imports torch, not Lightning."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Self

import torch
from torch import Tensor

from toolkit.data.disk import ArrayFile, OnDisk
from toolkit.data.order import Order, Plan, mixed_seed
from toolkit.data.position import Positioned
from toolkit.data.tensors import gathered
from toolkit.errors import RunError

BLOCK_BYTES = 256 * 1024
"""Neighbouring samples that are read together: as much as makes reading at random places as fast as in order."""
WINDOW_BYTES = 32 * 1024 * 1024
"""Samples that are held at a time, and shuffled among each other; two windows are in memory, one of them being read.
Measured with 205,000 samples of 3 KB that the system holds in memory, on one thread: 0.13 s for all, 0.06 of it
reading; blocks of 16 KB take 0.24, of 1 MB 0.15."""


class DiskLoader(Positioned):
    """Batches of arrays on disk, as `toolkit.data.OnDisk` describes them, in memory that does not depend on their size.

    The order of a training epoch: the samples in blocks of neighbours, the blocks shuffled by (seed, epoch), divided
    evenly over the processes, and then the samples of about a hundred blocks at a time, a window, shuffled among each
    other. A window is read by a thread while the batches of the one before are used. Evaluation takes the samples in
    their order, each process its stretch of them. Unlike that of tensors in memory, the order depends on the number of
    processes: each reads blocks of its own. To go on inside an epoch reads no more than the window again.

    Yields tuples or dicts of tensors, as the arrays were given, with shapes `(batch, ...)`, in the dtypes of the files.
    They are copies: a transform may change one in place.
    """

    def __init__(self, data: OnDisk, plan: Plan, order: Order, *, pin_memory: bool = False) -> None:
        super().__init__(order)
        self.plan = plan
        self._data = data
        self._pin_memory = pin_memory

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[Any]:
        plan, data, position = self.plan, self._data, self.order.position()
        # Of whole batches, so that none is made of two windows.
        per_window = max(1, WINDOW_BYTES // (data.sample_bytes * plan.batch_size))
        numbers = range(position // per_window, -(-plan.steps // per_window))
        with _Windows(data, plan, self.order, per_window) as read, ThreadPoolExecutor(1) as thread:
            being_read = deque(thread.submit(read, number) for number in numbers[:1])
            for number in numbers:
                parts, index = being_read.popleft().result()
                if number + 1 in numbers:
                    being_read.append(thread.submit(read, number + 1))
                bounds = plan.bounds(number * per_window, (number + 1) * per_window)
                start = bounds[0][0]
                done = max(0, position - number * per_window)
                wanted = [(begin - start, end - start) for begin, end in bounds[done:]]
                for batch in gathered(parts, index, wanted, plan.batch_size, pin_memory=self._pin_memory):
                    yield data.layout(batch)


class _Windows:
    """Reads windows: called with a number, gives the parts of its samples and the order in which they are used.

    What it gives lies in one of two sets of buffers, so that it is overwritten by the window after the next.
    """

    def __init__(self, data: OnDisk, plan: Plan, order: Order, per_window: int) -> None:
        self._data, self._plan, self._per_window = data, plan, per_window
        self._order, self._epoch = order, order.epoch()
        size = max(1, BLOCK_BYTES // data.sample_bytes)
        self._blocks = _Blocks(plan.samples, size, order.of(-(-plan.samples // size)) if order.shuffle else None)
        # The last window of an epoch may be longer by what Plan adds to the last batch.
        longest = min(plan.samples, (per_window + 1) * plan.batch_size)
        self._buffers = [
            [torch.empty((longest, *file.shape[1:]), dtype=file.dtype) for file in data.files] for _ in range(2)
        ]
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for file in self._data.files:
                self._descriptors.append(os.open(file.path, os.O_RDONLY))
                opened.callback(os.close, self._descriptors[-1])
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def __call__(self, number: int) -> tuple[list[Tensor], Tensor]:
        bounds = self._plan.bounds(number * self._per_window, (number + 1) * self._per_window)
        share = first_of_share(self._plan)
        start, stop = share + bounds[0][0], share + bounds[-1][1]
        runs = self._blocks.runs(start, stop)
        buffers = iter(self._buffers[number % 2])
        descriptors = iter(self._descriptors)
        parts = []
        for part in self._data.parts:
            if isinstance(part, ArrayFile):
                buffer = next(buffers)[: stop - start]
                _fill(buffer, part, next(descriptors), runs)
                parts.append(buffer)
            else:
                parts.append(torch.cat([part[first : first + count] for first, count in runs]))
        if not self._order.shuffle:
            return parts, torch.arange(stop - start)
        generator = torch.Generator().manual_seed(mixed_seed("window", self._order.seed, self._epoch, start))
        return parts, torch.randperm(stop - start, generator=generator)


class _Blocks:
    """All samples, block after block in a shuffled order (None: in the order of the file)."""

    def __init__(self, samples: int, size: int, order: Tensor | None) -> None:
        self._size = size
        self._order = order
        if order is not None:
            # The last block of the file may be shorter. All that come after it begin earlier by what it lacks.
            self._missing = len(order) * size - samples
            self._short = int((order == len(order) - 1).nonzero())

    def runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Where the samples `start` to `stop` of this order lie in the file: first sample and number, as they lie."""
        if self._order is None:
            return [(start, stop - start)]
        before = start < (self._short + 1) * self._size - self._missing
        place = (start if before else start + self._missing) // self._size
        found = []
        while start < stop:
            begin = place * self._size - (self._missing if place > self._short else 0)
            length = self._size - (self._missing if place == self._short else 0)
            count = min(begin + length, stop) - start
            found.append((int(self._order[place]) * self._size + start - begin, count))
            start, place = start + count, place + 1
        return sorted(found)


def first_of_share(plan: Plan) -> int:
    """Where the share of a process begins in an order that is divided into stretches, as long as `Plan` divides it."""
    each, more = divmod(plan.samples, plan.process.world_size)
    return plan.process.rank * each + min(plan.process.rank, more)


def _fill(buffer: Tensor, file: ArrayFile, descriptor: int, runs: Sequence[tuple[int, int]]) -> None:
    """Reads runs of samples, one after the other, into `buffer`."""
    numbers: Any = buffer.view(-1).view(torch.uint8).numpy()
    view = memoryview(numbers)
    for first, count in runs:
        offset, wanted = file.offset + first * file.sample_bytes, count * file.sample_bytes
        target, view = view[:wanted], view[wanted:]
        while target:
            try:
                got = os.preadv(descriptor, [target], offset)
            except OSError as error:
                error.filename = str(file.path)
                raise
            if got == 0:
                raise RunError(f"{file.path} ends before byte {offset + 1}: it has become shorter since the run began")
            target, offset = target[got:], offset + got
