"""Iterables over batches, one for each kind of split: tensors, map-style datasets, streams.

They are no `torch.utils.data.DataLoader`: Lightning leaves them as they are (it would replace a DataLoader's sampler
under DDP), and each computes its epoch's order when its first batch is asked for, from (seed, epoch) alone. So it
does not matter whether the epoch before was read to its end: Lightning stops at `len(loader)` batches without
exhausting the iterator. Imports torch, not Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate, get_worker_info

from toolkit.data.order import Plan, Process, mixed_seed, shuffled
from toolkit.data.splits import Tensors
from toolkit.errors import RequestError

CHUNK_BYTES = 512 * 1024
CHUNK_BATCHES = 8
"""Several small batches are gathered at once and handed out as views. Measured with (60000, 1, 28, 28) uint8 and batch
64 on one thread: 70 us a batch by `x[index]`, 26 by `index_select`, 12 by eight batches at once; 16 more than fill the
L2 cache and are slower."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where an epoch's order comes from: shuffled by (seed, the current epoch), or the data's own."""

    shuffle: bool
    seed: int
    epoch: Callable[[], int]
    """The trainer's current epoch; asked for when the first batch is."""

    def of(self, samples: int) -> Tensor:
        """The order of the current epoch, shape `(samples,)`."""
        if not self.shuffle:
            return torch.arange(samples)
        return shuffled(samples, self.seed, self.epoch())


class TensorLoader:
    """Batches of tensors in memory, gathered whole by index; no Python per sample, dtypes kept.

    Yields what the split is, a tuple or a dict of tensors, with shapes `(batch, ...)`. The batches are copies: a
    transform may change one in place.
    """

    def __init__(self, tensors: Tensors, plan: Plan, order: Order, *, pin_memory: bool = False) -> None:
        self.plan = plan
        self._order = order
        self._keys = list(tensors) if isinstance(tensors, dict) else None
        self._tensors = list(tensors.values()) if isinstance(tensors, dict) else list(tensors)
        self._pin_memory = pin_memory

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[Any]:
        share = self.plan.share(self._order.of(self.plan.samples)).to(self._tensors[0].device)
        bounds = self.plan.bounds()
        sample_bytes = sum(part[:1].nbytes for part in self._tensors)
        chunk = min(CHUNK_BATCHES, max(1, CHUNK_BYTES // (sample_bytes * self.plan.batch_size)))
        for first in range(0, len(bounds), chunk):
            batches = bounds[first : first + chunk]
            offset = batches[0][0]
            index = share[offset : batches[-1][1]]
            gathered = [self._gather(part, index) for part in self._tensors]
            for start, stop in batches:
                yield self._batch([part[start - offset : stop - offset] for part in gathered])

    def _gather(self, part: Tensor, index: Tensor) -> Tensor:
        if not self._pin_memory:
            return part.index_select(0, index)
        # Page-locked memory lets Lightning's copy to the device run beside the step.
        pinned = torch.empty((len(index), *part.shape[1:]), dtype=part.dtype, pin_memory=True)
        return torch.index_select(part, 0, index, out=pinned)

    def _batch(self, parts: list[Tensor]) -> Any:
        return tuple(parts) if self._keys is None else dict(zip(self._keys, parts, strict=True))


@dataclass(frozen=True, slots=True)
class Reading:
    """How samples of datasets that are not tensors are read and put together."""

    split: str
    workers: int = 0
    collate: Callable[[list[Any]], Any] | None = None
    pin_memory: bool = False

    def loader(self, dataset: Any, *, seed: int, workers: int | None = None, **arguments: Any) -> DataLoader[Any]:
        """A torch DataLoader for one epoch, whose workers draw their seeds from `seed`."""
        return DataLoader(
            dataset,
            num_workers=self.workers if workers is None else workers,
            pin_memory=self.pin_memory,
            # Without a generator of its own the DataLoader draws from torch's global one, once an epoch: the model's
            # dropout would then depend on how often a loader was opened.
            generator=torch.Generator().manual_seed(seed),
            **arguments,
        )


class ItemLoader:
    """Batches of a map-style dataset, read by `workers` processes that are started anew every epoch.

    New processes cost a fork an epoch, and make what is random in a worker depend on (seed, epoch, worker) only.
    Python's, NumPy's and torch's global generators are all seeded there.
    """

    def __init__(self, dataset: Any, plan: Plan, order: Order, reading: Reading) -> None:
        self.plan = plan
        self._dataset = dataset
        self._order = order
        self._reading = reading

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[Any]:
        order = self._order
        share = self.plan.share(order.of(self.plan.samples)).tolist()
        yield from self._reading.loader(
            self._dataset,
            seed=_worker_seed(order, self._reading.split, self.plan.process),
            batch_sampler=[share[start:stop] for start, stop in self.plan.bounds()],
            collate_fn=_Collate(self._reading.collate),
        )


class StreamLoader:
    """Batches of an iterable dataset, in the order in which it yields its samples.

    How it is divided, so that every sample is used once:

    - A dataset with a method `shard(num_shards, index)` (the names of Hugging Face's datasets; called with keywords)
      is asked for an iterable over part `index` of `num_shards`, numbered over processes and workers. Each process
      makes batches of its own parts, so that the dataset has to make the parts of different processes equally long,
      or the trainer's `limit_train_batches` to cut them.
    - A dataset without that method is read whole by every process, in one worker at most (a second one would repeat
      every sample), and each process keeps its share of each batch. The dataset must not divide itself by rank.
      Ends are even: see `toolkit.data.order.Plan`, of which this is the streaming form.

    A dataset with a method `set_epoch(epoch)` is told the trainer's epoch before it is read; any shuffling is its own.
    """

    def __init__(
        self, dataset: Any, batch_size: int, order: Order, reading: Reading, *, drop_last: bool, process: Process
    ) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._order = order
        self._reading = reading
        self._drop_last = drop_last
        self._process = process

    def __iter__(self) -> Iterator[Any]:
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(self._order.epoch())
        source: IterableDataset[Any]
        if hasattr(self._dataset, "shard"):
            source = _Sharded(self._dataset, self._process)
            workers = self._reading.workers
            batching: dict[str, Any] = {"batch_size": self._batch_size, "drop_last": self._drop_last}
            batching["collate_fn"] = _Collate(self._reading.collate)
        else:
            source = _Dealt(self._dataset, self._batch_size, self._drop_last, self._process, self._reading)
            workers = min(1, self._reading.workers)
            batching = {"batch_size": None, "collate_fn": _unchanged}
        seed = _worker_seed(self._order, self._reading.split, self._process)
        yield from self._reading.loader(source, seed=seed, workers=workers, **batching)


class SizedStreamLoader(StreamLoader):
    """Batches of an iterable dataset that says how many samples it has, and is divided by us, so that their number is
    known before it is read."""

    def __len__(self) -> int:
        return Plan(len(self._dataset), self._batch_size, self._drop_last, self._process).steps


class _Collate:
    """Collates a list of samples; what a dataset's `__getitems__` made into a batch already is left as it is.

    A class, not a closure: workers that are started by spawning must be able to pickle it.
    """

    def __init__(self, collate: Callable[[list[Any]], Any] | None) -> None:
        self._collate = collate or default_collate

    def __call__(self, samples: Any) -> Any:
        return self._collate(samples) if isinstance(samples, list) else samples


class _Sharded(IterableDataset[Any]):
    """The parts of a stream that divides itself, numbered over processes and workers."""

    def __init__(self, dataset: Any, process: Process) -> None:
        self._dataset = dataset
        self._process = process

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        workers = 1 if worker is None else worker.num_workers
        own = 0 if worker is None else worker.id
        process = self._process
        return iter(self._dataset.shard(num_shards=process.world_size * workers, index=process.rank * workers + own))


class _Dealt(IterableDataset[Any]):
    """This process's batches of a stream that every process reads whole."""

    def __init__(
        self, dataset: Iterable[Any], batch_size: int, drop_last: bool, process: Process, reading: Reading
    ) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._process = process
        self._split = reading.split
        self._collate = _Collate(reading.collate)

    def __iter__(self) -> Iterator[Any]:
        for samples in self._groups():
            yield self._collate(samples[self._process.rank :: self._process.world_size])

    def _groups(self) -> Iterator[list[Any]]:
        """The samples of one step of all processes; what is left over and too little for all joins the last one."""
        world = self._process.world_size
        full = self._batch_size * world
        samples = iter(self._dataset)
        group = list(islice(samples, full))
        if len(group) < world or (self._drop_last and len(group) < full):
            needed = full if self._drop_last else world
            raise RequestError(
                f"dataset: the split {self._split!r} gave {len(group)} samples; at least {needed} are needed "
                f"({'a full batch' if self._drop_last else 'one'} for each of {world} processes)"
            )
        while following := list(islice(samples, full)):
            if self._drop_last and len(following) < full:
                break
            if len(following) < world:
                group += following
                break
            yield group
            group = following
        yield group


def _unchanged(batch: Any) -> Any:
    return batch


def _worker_seed(order: Order, split: str, process: Process) -> int:
    epoch = order.epoch() if order.shuffle else 0
    return mixed_seed("workers", order.seed, split, epoch, process.rank)
