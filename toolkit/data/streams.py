"""Batches of an iterable dataset, in the order in which it yields its samples. Imports torch, not Lightning."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch.utils.data import IterableDataset

from toolkit.data.order import Order, Plan, Process, mixed_seed
from toolkit.data.reading import Collate, Reading
from toolkit.data.seeds import seeded
from toolkit.errors import RequestError


class StreamLoader:
    """Batches of an iterable dataset, in the order in which it yields its samples.

    How it is divided, so that every sample is used once:

    - A dataset with a method `shard(num_shards, index)` (the names of Hugging Face's datasets; called with keywords)
      is asked for an iterable over part `index` of `num_shards`, numbered over processes and workers. Each worker makes
      batches of its part, and the workers take turns. The dataset has to make the parts of different processes equally
      long, or the trainer's `limit_train_batches` to cut them.
    - A dataset without that method is read whole by every process, in one worker at most (a second one would repeat
      every sample), and each process keeps its share of each batch. The dataset must not divide itself by rank.
      Ends are even: see `toolkit.data.order.Plan`, of which this is the streaming form.

    A dataset with a method `set_epoch(epoch)` is told the trainer's epoch before it is read; any shuffling is its own.

    How an epoch goes on after `position` batches, for the dataset or each part of it:

    - One with `state_dict()` and `load_state_dict(state)` is asked for its state after every batch; the one after the
      last trained batch goes into the checkpoint, and is loaded before it is iterated over. It must hold everything
      that decides what comes next; a buffer that samples are shuffled in too.
    - One with `skip(samples)` is asked for an iterable without its first samples.
    - Any other is read again from its beginning, and the user is told.

    Python's, NumPy's and torch's global generators are seeded before the samples of each batch are read, so that a
    stream that is read again draws what it drew. One that jumps should draw from generators of its own.
    """

    def __init__(
        self, dataset: Any, batch_size: int, order: Order, reading: Reading, *, drop_last: bool, process: Process
    ) -> None:
        self.order = order
        self._dataset = dataset
        self._batch_size = batch_size
        self._reading = reading
        self._drop_last = drop_last
        self._process = process
        self._marks: deque[_Mark] = deque()
        """After each batch that was handed out and may not have been trained on yet, where the parts were."""
        self._resumed: _Mark | None = None

    @property
    def _divided(self) -> bool:
        """Whether the dataset divides itself."""
        return hasattr(self._dataset, "shard")

    def __iter__(self) -> Iterator[Any]:
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(self.order.trainer_epoch())
        position = self.order.position()
        sources = self._sources()
        mark = self._begin(position, len(sources))
        parts = [self._part(*numbered, mark) for numbered in enumerate(sources)]
        if position and (mark.batches == 0 or any(part.reads_again for part in parts)):
            self._reading.note(
                f"the stream of the split {self._reading.split!r} is read again from its beginning to get to batch "
                f"{position}: it has neither skip(samples) nor a state that could be loaded"
            )
        # One DataLoader for each worker. With several workers in one, whose turn it is after one has ended depends on
        # who was faster (torch 2.14).
        iterators = [iter(self._reading.loader(part, workers=min(1, self._reading.workers))) for part in parts]
        yield from self._taking_turns(iterators, mark, position)

    def _taking_turns(self, iterators: Sequence[Iterator[_Given]], mark: _Mark, position: int) -> Iterator[Any]:
        """The batches of the parts in turn, from `position` on; `mark` tells where the parts themselves begin."""
        turns = deque(range(len(iterators)))
        turns.rotate(-mark.turn)
        given, states, batches = list(mark.given), list(mark.states), mark.batches
        self._marks = deque([mark])
        while turns:
            own = turns[0]
            try:
                batch, state = next(iterators[own])
            except StopIteration:
                turns.popleft()
                continue
            turns.rotate(-1)
            given[own] += 1
            states[own] = state.value
            batches += 1
            while self._marks and self._marks[0].batches < self.order.position():
                self._marks.popleft()
            self._marks.append(_Mark(batches, turns[0], tuple(given), tuple(states)))
            if batches > position:
                yield batch

    def _sources(self) -> list[Any]:
        """What is read here: the dataset, or this process's parts of it, one for each worker."""
        if not self._divided:
            return [self._dataset]
        count, process = max(1, self._reading.workers), self._process
        shards = range(process.rank * count, (process.rank + 1) * count)
        return [self._dataset.shard(num_shards=process.world_size * count, index=index) for index in shards]

    def _begin(self, position: int, parts: int) -> _Mark:
        """Where the parts begin: at the position where that is known, else at their beginning."""
        # Not forgotten when it is used: Lightning may begin the epoch that a run goes on in a second time.
        resumed = self._resumed
        if resumed is not None and resumed.batches == position and len(resumed.given) == parts:
            return resumed
        if parts == 1:
            return _Mark(position, 0, (position,), (None,))
        return _Mark(0, 0, (0,) * parts, (None,) * parts)

    def _part(self, number: int, source: Any, mark: _Mark) -> _Part:
        order, reading, process = self.order, self._reading, self._process
        if self._divided:
            which, process = process.rank * len(mark.given) + number, Process()
        else:
            which = 0
        return _Part(
            source,
            self._batch_size,
            process,
            reading,
            drop_last=self._drop_last,
            may_be_empty=self._divided,
            seeds=("stream", order.seed, reading.split, order.epoch(), which),
            given=mark.given[number],
            state=mark.states[number],
        )

    def state_dict(self) -> dict[str, Any]:
        """Where the parts were after the batch that was trained last, on every process; empty between two epochs."""
        position = self.order.position()
        mark = next((mark for mark in self._marks if mark.batches == position), None)
        own = None if mark is None else mark.plain()
        if not self._divided or self._process.world_size == 1:
            # Every process reads the same.
            return {"marks": [own]} if own else {}
        marks: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(marks, own)
        return {"marks": marks} if any(marks) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what `state_dict` gave; the next epoch begins there if it begins at that position."""
        marks = state.get("marks", [])
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if several and len(marks) > 1 else 0
        self._resumed = _Mark.from_plain(marks[rank]) if rank < len(marks) and marks[rank] else None


class SizedStreamLoader(StreamLoader):
    """Batches of an iterable dataset that says how many samples it has, and is divided by us, so that their number is
    known before it is read."""

    def __len__(self) -> int:
        return Plan(len(self._dataset), self._batch_size, self._drop_last, self._process).steps


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where the parts of a stream are after a batch."""

    batches: int
    """Batches handed out, of all parts."""
    turn: int
    """The part whose turn it is."""
    given: tuple[int, ...]
    """Batches handed out, by part."""
    states: tuple[Any, ...]
    """What each part's dataset said of its state; None where it says nothing."""

    def plain(self) -> dict[str, Any]:
        """In the plain form that a checkpoint may hold."""
        return {"batches": self.batches, "turn": self.turn, "given": list(self.given), "states": list(self.states)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> _Mark:
        return cls(plain["batches"], plain["turn"], tuple(plain["given"]), tuple(plain["states"]))


class _Given(NamedTuple):
    """A batch, and the state of the dataset after the batch's samples."""

    batch: Any
    state: _State


@dataclass(frozen=True, slots=True)
class _State:
    """Keeps a state from the thread that pins memory, which makes lists of tuples."""

    value: Any


class _Part(IterableDataset[_Given]):
    """One process's or worker's batches of a stream, from the batch `given` on."""

    def __init__(
        self,
        source: Any,
        batch_size: int,
        process: Process,
        reading: Reading,
        *,
        drop_last: bool,
        may_be_empty: bool,
        seeds: tuple[int | str, ...],
        given: int,
        state: Any,
    ) -> None:
        self._source = source
        self._samples = batch_size * process.world_size
        self._process = process
        self._split = reading.split
        self._collate = Collate(reading.collate)
        self._drop_last = drop_last
        self._may_be_empty = may_be_empty
        self._seeds = seeds
        self._given = given
        self._state = state

    @property
    def reads_again(self) -> bool:
        """Whether batches that were given once are read once more."""
        return bool(self._given) and self._state is None and not hasattr(self._source, "skip")

    def __iter__(self) -> Iterator[_Given]:
        rank, world = self._process.rank, self._process.world_size
        for number, samples, state in self._whole_steps():
            if number >= self._given:
                with seeded(mixed_seed("collate", *self._seeds, number, rank)):
                    batch = self._collate(samples[rank::world])
                yield _Given(batch, _State(state))

    def _whole_steps(self) -> Iterator[tuple[int, list[Any], Any]]:
        """Number, samples of all processes, and state after each step; what is too little for all joins the last."""
        world, full = self._process.world_size, self._samples
        least = full if self._drop_last else world
        steps = self._steps()
        number, group, state = next(steps)
        if len(group) < least:
            if number or self._may_be_empty:
                return
            raise RequestError(
                f"dataset: the split {self._split!r} gave {len(group)} samples; at least {least} are needed "
                f"({'a full batch' if self._drop_last else 'one'} for each of {world} processes)"
            )
        for following, samples, state_then in steps:
            if len(samples) < least:
                group += [] if self._drop_last else samples
                break
            yield number, group, state
            number, group, state = following, samples, state_then
        yield number, group, state

    def _steps(self) -> Iterator[tuple[int, list[Any], Any]]:
        """Number, samples and state after each step, without end: empty ones follow the last."""
        source, number = self._source, 0
        tells = hasattr(source, "state_dict")
        if self._state is not None:
            source.load_state_dict(self._state)
            number = self._given
        elif self._given and hasattr(source, "skip"):
            source = source.skip(self._given * self._samples)
            # Its state counts from there, and would not fit the dataset that a later resume begins with.
            number, tells = self._given, False
        samples: Iterator[Any] | None = None
        while True:
            with seeded(mixed_seed(*self._seeds, number)):
                samples = iter(source) if samples is None else samples
                group = list(islice(samples, self._samples))
            # Copied: it may be the object that the dataset goes on to count in.
            yield number, group, deepcopy(source.state_dict()) if tells else None
            number += 1
