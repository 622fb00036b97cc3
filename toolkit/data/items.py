"""Batches of a map-style dataset: whole batches by `__getitems__` where it has one. Imports torch, not Lightning."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from torch.utils.data import get_worker_info

from toolkit.data.bad import NOT_OF_A_SAMPLE, BadSample, bad_sample, reason_of
from toolkit.data.order import Order, Plan, mixed_seed
from toolkit.data.position import Positioned
from toolkit.data.reading import Collate, Reading
from toolkit.data.seeds import seeded

_TRIED_INSTEAD = 100
"""How many samples after a batch that lost all of its own are tried before the dataset is taken to be broken."""


class ItemLoader(Positioned):
    """Batches of a map-style dataset, read by `workers` processes that are started anew every epoch.

    Python's, NumPy's and torch's global generators are seeded before each batch from (seed, split, epoch, number of the
    batch, rank), in the workers and in the main process alike: what is random in a sample depends neither on how many
    workers there are nor on where in the epoch a run was resumed. The batches of every evaluation draw the same.

    A sample whose reading raises an exception stops the run with a `BadSample`, or is left out of its batch and noted.
    A batch that lost all its samples is made of the next sample of the split that can be read, so that every process
    keeps its number of steps.
    """

    def __init__(self, dataset: Any, plan: Plan, order: Order, reading: Reading) -> None:
        super().__init__(order)
        self.plan = plan
        self._dataset = dataset
        self._reading = reading

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[Any]:
        reading, left_out = self._reading, self._reading.left_out
        reader = _Reader(self._dataset, self.plan.samples, reading)
        for read in reading.loader(reader, workers=reading.workers, sampler=self._tasks()):
            if read.failure is not None:
                raise _from_worker(*read.failure)
            for index, reason in read.left_out:
                assert left_out is not None, "a reader leaves samples out only where they are noted"
                left_out.add(reading.split, index, reason)
            yield read.batch

    def _tasks(self) -> Iterator[_Task]:
        order, rank = self.order, self.plan.process.rank
        share, epoch, position = self.plan.share(order.of(self.plan.samples)), order.epoch(), order.position()
        for number in range(position, self.plan.steps):
            [(start, stop)] = self.plan.bounds(number, number + 1)
            seed = mixed_seed("batch", order.seed, self._reading.split, epoch, number, rank)
            yield _Task(seed, share[start:stop].tolist())


class _Task(NamedTuple):
    """What a reader is asked for: one batch."""

    seed: int
    indices: list[int]


class _Read(NamedTuple):
    """What a reader answers. A tuple, not a dataclass: the thread that pins memory looks into tuples only."""

    batch: Any
    left_out: list[tuple[int, str]]
    """Index and reason of the samples that are missing from the batch."""
    failure: tuple[str, str] | None = None
    """Message and traceback of what stops the run; only from a worker."""


class _Reader:
    """Reads batches, in the main process or in a worker: a map-style dataset of whole batches for a DataLoader."""

    def __init__(self, dataset: Any, samples: int, reading: Reading) -> None:
        self._dataset = dataset
        self._samples = samples
        self._split = reading.split
        self._collate = Collate(reading.collate)
        self._skip = reading.left_out is not None

    def __getitem__(self, task: _Task) -> _Read:
        with seeded(task.seed):
            try:
                samples, left_out = self._read(task.indices)
            except BadSample as error:
                if get_worker_info() is None:
                    raise
                # As a value: torch would make a new exception of it, with the traceback for a message.
                return _Read(None, [], (str(error), traceback.format_exc()))
            return _Read(self._collate(samples), left_out)

    def _read(self, indices: list[int]) -> tuple[Any, list[tuple[int, str]]]:
        """The samples, or the finished batch that the dataset made of them, and what is missing of it."""
        whole: Callable[[list[int]], Any] | None = getattr(self._dataset, "__getitems__", None)
        if whole is None:
            found, left_out = self._one_by_one(indices, lambda index: self._dataset[index])
            return [sample for _, sample in found], left_out
        try:
            return whole(indices), []
        except NOT_OF_A_SAMPLE:
            raise
        except Exception:
            # Which of them it was, only asking for each alone can tell.
            found, left_out = self._one_by_one(indices, lambda index: whole([index]))
            if not left_out:
                raise
        return whole([index for index, _ in found]), left_out

    def _one_by_one(
        self, indices: list[int], read: Callable[[int], Any]
    ) -> tuple[list[tuple[int, Any]], list[tuple[int, str]]]:
        """What `read` gives for the indices that can be read, at least one, and why the others cannot."""
        found: list[tuple[int, Any]] = []
        left_out: list[tuple[int, str]] = []
        for index in chain(indices, self._instead(indices[-1], found)):
            try:
                found.append((index, read(index)))
            except NOT_OF_A_SAMPLE:
                raise
            except Exception as error:
                reason = reason_of(error)
                if not self._skip:
                    raise bad_sample(self._split, index, reason) from error
                left_out.append((index, reason))
        if not found:
            index, reason = left_out[-1]
            raise BadSample(
                f"none of {len(left_out)} samples of the split {self._split!r}, one after another, could be read; "
                f"the last was sample {index}: {reason}"
            )
        return found, left_out

    def _instead(self, last: int, found: list[Any]) -> Iterator[int]:
        """The samples after `last` in the dataset, for as long as nothing is found."""
        for step in range(1, min(_TRIED_INSTEAD + 1, self._samples)):
            if found:
                return
            yield (last + step) % self._samples


def _from_worker(message: str, trace: str) -> BadSample:
    error = BadSample(message)
    error.add_note(f"In a worker process of the loader:\n{trace}")
    return error
