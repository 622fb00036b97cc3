"""An epoch that begins at a position goes on exactly like one that was read from its beginning."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toolkit.data import OnDisk, disk_loader
from toolkit.data.disk_loader import DiskLoader
from toolkit.data.items import ItemLoader
from toolkit.data.order import Order, Plan, Process
from toolkit.data.reading import Reading
from toolkit.data.streams import StreamLoader
from toolkit.data.tensors import TensorLoader


class Draws:
    """A map-style dataset whose samples hold their number and draws of every global generator."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return index, torch.rand(2), random.random(), float(np.random.normal())


class WholeDraws(Draws):
    """The same, asked for whole batches."""

    def __getitems__(self, indices: list[int]) -> Any:
        return torch.tensor(indices), torch.rand(len(indices), 2), np.random.normal(size=len(indices))


class Plain:
    """A stream that draws for every sample."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[Any]:
        return ((number, random.random(), torch.rand(())) for number in range(self.samples))


class Skipping:
    def __init__(self, first: int, samples: int, step: int = 1) -> None:
        self.rest = range(first, samples, step)
        self.given = 0

    def skip(self, samples: int) -> Skipping:
        rest = self.rest[samples:]
        return Skipping(rest.start, rest.stop, rest.step)

    def __iter__(self) -> Iterator[int]:
        for number in self.rest:
            self.given += 1
            yield number


class Stateful:
    def __init__(self, first: int, samples: int, step: int = 1) -> None:
        self.numbers = range(first, samples, step)
        self.counted = {"next": 0}
        self.given = 0

    def state_dict(self) -> dict[str, int]:
        return self.counted

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.counted = dict(state)

    def __iter__(self) -> Iterator[int]:
        while self.counted["next"] < len(self.numbers):
            self.counted["next"] += 1
            self.given += 1
            yield self.numbers[self.counted["next"] - 1]


class Divided:
    """A stream that divides itself into parts of a kind, the first ones longer than the others."""

    def __init__(self, kind: Any, samples: int) -> None:
        self.kind = kind
        self.samples = samples

    def shard(self, num_shards: int, index: int) -> Any:
        return self.kind(index, self.samples - 3 * index, num_shards)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.samples))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def order_at(position: int, *, shuffle: bool = True, epoch: int = 3) -> Order:
    return Order(shuffle, seed=5, trainer_epoch=lambda: epoch, position=lambda: position)


sizes = {
    "samples": st.integers(1, 90),
    "batch_size": st.integers(1, 12),
    "world_size": st.integers(1, 3),
    "rank": st.integers(0, 2),
    "position": st.integers(0, 30),
    "drop_last": st.booleans(),
    "shuffle": st.booleans(),
}


def plan_of(samples: int, batch_size: int, world_size: int, rank: int, drop_last: bool) -> Plan:
    assume(rank < world_size <= samples)
    return Plan(samples, batch_size, drop_last, Process(rank, world_size))


@settings(max_examples=60, deadline=None)
@given(**sizes)
def test_tensors(
    samples: int, batch_size: int, world_size: int, rank: int, position: int, drop_last: bool, shuffle: bool
) -> None:
    plan = plan_of(samples, batch_size, world_size, rank, drop_last)
    data = {"x": torch.randn(samples, 3), "y": torch.arange(samples)}
    whole = list(TensorLoader(data, plan, order_at(0, shuffle=shuffle)))
    assert len(whole) == plan.steps
    assert same(list(TensorLoader(data, plan, order_at(position, shuffle=shuffle))), whole[position:])


@settings(max_examples=60, deadline=None)
@given(**sizes)
def test_map_style_datasets_read_nothing_before_the_position_and_draw_the_same(
    samples: int, batch_size: int, world_size: int, rank: int, position: int, drop_last: bool, shuffle: bool
) -> None:
    plan = plan_of(samples, batch_size, world_size, rank, drop_last)
    for kind in (Draws, WholeDraws):
        whole = list(ItemLoader(kind(samples), plan, order_at(0, shuffle=shuffle), Reading("train")))
        random.seed(samples)
        np.random.seed(samples)
        torch.manual_seed(samples)
        dataset = kind(samples)
        tail = list(ItemLoader(dataset, plan, order_at(position, shuffle=shuffle), Reading("train")))
        assert same(tail, whole[position:])
        if kind is Draws:
            assert dataset.asked == [int(number) for batch in whole[position:] for number in batch[0]]


@pytest.mark.parametrize("position", [0, 3])
def test_workers_draw_what_the_main_process_draws(position: int) -> None:
    plan = Plan(41, 4, process=Process(1, 2))
    batches = [
        list(ItemLoader(Draws(41), plan, order_at(position), Reading("train", workers))) for workers in (0, 1, 2)
    ]
    assert len(batches[0]) == plan.steps - position
    assert same(batches[0], batches[1])
    assert same(batches[0], batches[2])
    drawn = [float(number) for batch in batches[0] for number in batch[2]]
    assert len(set(drawn)) == len(drawn), "every batch draws numbers of its own"


@settings(max_examples=60, deadline=None)
@given(**sizes)
def test_arrays_on_disk(
    samples: int,
    batch_size: int,
    world_size: int,
    rank: int,
    position: int,
    drop_last: bool,
    shuffle: bool,
) -> None:
    plan = plan_of(samples, batch_size, world_size, rank, drop_last)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Small enough for several blocks and windows.
        patch.setattr(disk_loader, "BLOCK_BYTES", 24)
        patch.setattr(disk_loader, "WINDOW_BYTES", 160)
        np.save(Path(folder, "x.npy"), np.arange(samples * 4, dtype=np.uint8).reshape(samples, 4))
        np.save(Path(folder, "y.npy"), np.arange(samples, dtype=np.int32))
        data = OnDisk(Path(folder, "x.npy"), Path(folder, "y.npy"), torch.arange(samples))
        whole = list(DiskLoader(data, plan, order_at(0, shuffle=shuffle)))
        assert len(whole) == plan.steps
        assert same(list(DiskLoader(data, plan, order_at(position, shuffle=shuffle))), whole[position:])


def stream_loader(dataset: Any, order: Order, told: list[str], *, workers: int = 0, **plan: Any) -> StreamLoader:
    reading = Reading("train", workers, note=told.append)
    process = Process(plan["rank"], plan["world_size"])
    return StreamLoader(dataset, plan["batch_size"], order, reading, drop_last=plan["drop_last"], process=process)


@settings(max_examples=60, deadline=None)
@given(**{name: values for name, values in sizes.items() if name != "shuffle"})
def test_streams(samples: int, batch_size: int, world_size: int, rank: int, position: int, drop_last: bool) -> None:
    assume(rank < world_size)
    assume(samples >= (batch_size * world_size if drop_last else world_size))
    plan = {"batch_size": batch_size, "world_size": world_size, "rank": rank, "drop_last": drop_last}
    for make in (lambda: Plain(samples), lambda: Skipping(0, samples)):
        told: list[str] = []
        whole = list(stream_loader(make(), order_at(0), told, **plan))
        assert told == []
        dataset = make()
        assert same(list(stream_loader(dataset, order_at(position), told, **plan)), whole[position:])
        assert bool(told) == (position > 0 and isinstance(dataset, Plain))


@settings(max_examples=60, deadline=None)
@given(**{name: values for name, values in sizes.items() if name != "shuffle"})
def test_streams_with_a_state(
    samples: int, batch_size: int, world_size: int, rank: int, position: int, drop_last: bool
) -> None:
    assume(rank < world_size)
    assume(samples >= (batch_size * world_size if drop_last else world_size))
    plan = {"batch_size": batch_size, "world_size": world_size, "rank": rank, "drop_last": drop_last}
    check_going_on(lambda: Stateful(0, samples), position, 0, plan)


@pytest.mark.parametrize("kind", [Skipping, Stateful])
@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize("position", [1, 5, 12])
def test_streams_that_divide_themselves(kind: Any, workers: int, position: int) -> None:
    plan = {"batch_size": 3, "world_size": 1, "rank": 0, "drop_last": False}
    check_going_on(lambda: Divided(kind, 50), position, workers, plan)


def check_going_on(make: Any, position: int, workers: int, plan: dict[str, Any]) -> None:
    """Reads `position` batches and one ahead, as Lightning does; goes on from the state that is saved then."""
    done, told = [0], list[str]()
    order = Order(True, seed=5, trainer_epoch=lambda: 3, position=lambda: done[0])
    whole = list(stream_loader(make(), order, told, workers=workers, **plan))
    first = stream_loader(make(), order, told, workers=workers, **plan)
    reading = iter(first)
    next(reading)
    for done[0], _ in enumerate(reading, 1):
        if done[0] == position:
            break
    state = first.state_dict()
    del reading
    dataset = make()
    second = stream_loader(dataset, order, told, workers=workers, **plan)
    second.load_state_dict(state)
    assert same(list(second), whole[done[0] :])
    assert told == []
    if isinstance(dataset, Stateful):
        read_already = done[0] * plan["batch_size"] * plan["world_size"]
        assert dataset.given == max(0, len(dataset.numbers) - read_already), "what was read once is not read again"


def test_a_divided_stream_without_its_state_is_read_again_and_says_so() -> None:
    plan = {"batch_size": 3, "world_size": 1, "rank": 0, "drop_last": False}
    told: list[str] = []
    whole = list(stream_loader(Divided(Skipping, 50), order_at(0), told, workers=2, **plan))
    assert same(list(stream_loader(Divided(Skipping, 50), order_at(7), told, workers=2, **plan)), whole[7:])
    assert len(told) == 1
    assert told[0].startswith("the stream of the split 'train' is read again from its beginning to get to batch 7")
