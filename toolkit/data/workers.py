"""How many workers read a dataset fastest on this machine: `loader.workers: auto`. Imports torch, not Lightning."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from toolkit.build import samples_of
from toolkit.data.bad import LeftOut, reason_of
from toolkit.data.disk import OnDisk
from toolkit.data.items import ItemLoader
from toolkit.data.order import Order, Plan, Process, beginning
from toolkit.data.reading import Reading
from toolkit.data.settings import loader_settings
from toolkit.data.splits import is_stream, tensors_of
from toolkit.data.streams import StreamLoader

TRIED_S = 0.35
"""For how long each number of workers is tried, its start not counted."""
GAIN = 0.8
"""More workers must need less than this part of the time that fewer need: smaller differences come and go."""
QUICK_S = 0.2
"""An epoch that is read in less is over before workers have started."""
BATCH_S = 0.03
"""Datasets that are slow to read are tried with batches of about this length, to have several to measure."""
_LONG = 1_000_000
"""Samples of a stream that does not say how many it has."""


@dataclass(frozen=True, slots=True)
class Workers:
    """A number of workers, and how it was found."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Trial:
    """What reading with a number of workers costs, in seconds."""

    workers: int
    start: float
    sample: float

    def epoch(self, samples: float) -> float:
        """Seconds in which so many samples are read."""
        return self.start + samples * self.sample


def choose_workers(data: Any, loader: Mapping[str, Any] | None = None, *, processes: int = 1) -> Workers:
    """The number of workers with which an epoch of the train split is read in the least time, found by reading some.

    Measured is reading alone, with no worker, then two, four and so on for as long as that gains a fifth and there are
    cores for it; starting the workers, once an epoch, is counted in. No random numbers of the run are drawn. It takes
    half a second for each number of workers that is tried.

    Args:
        data: what a dataset component returned, of the shape of `toolkit.data.Splits`.
        loader: the block `loader` of a recipe.
        processes: how many processes of the run share this machine.
    """
    split = data.train
    if split is None:
        return Workers(0, "no split to train on")
    if tensors_of(split) is not None:
        return Workers(0, "the data is in memory")
    if isinstance(split, OnDisk):
        return Workers(0, "arrays on disk are read by a thread")
    if is_stream(split) and not hasattr(split, "shard"):
        return Workers(0, "a stream that does not divide itself is read by one process")
    cores = _cores() // processes
    if cores < 2:
        return Workers(0, "one core for each process")
    batch_size = loader_settings(loader or {}).size("train")
    samples = (samples_of(split) or _LONG) / processes
    trier = _Trier(split, getattr(data, "collate", None), batch_size)
    try:
        best = trier.tried(0)
        counts = [count for count in (2, 4, 8, 16) if count <= cores and best.epoch(samples) > QUICK_S]
        for count in counts:
            trial = trier.tried(count)
            if trial.epoch(samples) > GAIN * best.epoch(samples):
                break
            best = trial
    except Exception as error:
        # The run will meet it too, and stop there with more to say of it.
        return Workers(0, f"not measured: reading raised {reason_of(error)}")
    told = (f"{trial.workers} workers {trial.sample * batch_size * 1e3:.2f} ms" for trial in trier.trials)
    return Workers(best.workers, f"measured for a batch: {', '.join(told)}")


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


class _Trier:
    """Reads some batches of a split with different numbers of workers."""

    def __init__(self, split: Any, collate: Callable[[list[Any]], Any] | None, batch_size: int) -> None:
        self.trials: list[_Trial] = []
        self._split = split
        self._collate = collate
        self._batch_size = batch_size
        self._read = 0
        """Samples read so far: each trial reads others, none of which the system has in memory from the one before."""

    def tried(self, workers: int) -> _Trial:
        """What reading costs with so many workers."""
        if not self.trials:
            # The second sample tells how slow samples are: the first may open files.
            first, *second = islice(self._arrivals(0, 1), 2)
            seconds = second[0] - first if second else first
            self._batch_size = max(1, min(self._batch_size, int(BATCH_S / max(seconds, 1e-9))))
        size, at_once = self._batch_size, max(1, workers)
        arrivals = self._arrivals(workers, size)
        start = last = next(arrivals)
        count = 1
        for last in arrivals:
            count += 1
            if last - start > TRIED_S and count > 2 * at_once:
                break
        # All workers have a batch ready when the first one has.
        later = (count - at_once) * size
        sample = (last - start) / later if later > 0 else math.inf if workers else start / size
        self.trials.append(_Trial(workers, start if workers else 0.0, sample))
        return self.trials[-1]

    def _arrivals(self, workers: int, size: int) -> Iterator[float]:
        """After how many seconds each batch is there."""
        begin = time.monotonic()
        for _ in self._loader(workers, size):
            self._read += size
            yield time.monotonic() - begin

    def _loader(self, workers: int, size: int) -> Iterable[Any]:
        reading = Reading("train", workers, self._collate, left_out=LeftOut())
        if is_stream(self._split):
            order = Order(shuffle=True, seed=0, trainer_epoch=beginning)
            return StreamLoader(self._split, size, order, reading, drop_last=False, process=Process())
        plan = Plan(len(self._split), size)
        unread = self._read // size if self._read < plan.samples // 2 else 0
        order = Order(shuffle=True, seed=0, trainer_epoch=beginning, position=lambda: unread)
        return ItemLoader(self._split, plan, order, reading)
