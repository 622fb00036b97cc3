"""Batches of tensors, map-style datasets and streams, without a trainer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from toolkit.data import DataModule, Splits
from toolkit.data.order import Order, Process
from toolkit.data.reading import Reading
from toolkit.data.streams import SizedStreamLoader, StreamLoader
from toolkit.errors import RequestError


def tensors(samples: int) -> tuple[Tensor, Tensor]:
    """Images whose pixels are their target."""
    targets = torch.arange(samples)
    return targets.to(torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2).contiguous(), targets


class Numbers(Dataset[int]):
    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> int:
        self.asked.append(index)
        return index


class WholeBatches(Numbers):
    """Asked for a batch at once, returns a list of samples."""

    def __getitems__(self, indices: list[int]) -> Any:
        return list(indices)


class FinishedBatches(Numbers):
    """Asked for a batch at once, returns the batch."""

    def __getitems__(self, indices: list[int]) -> Any:
        return {"index": torch.tensor(indices)}


class Draws(Numbers):
    """Every sample is a draw of the generators that a dataset may use."""

    def __getitem__(self, index: int) -> Any:
        return random.random(), torch.rand(()).item()


def values(loader: Any) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


def test_batches_of_tensors_keep_dtypes_and_belong_together() -> None:
    data = DataModule(Splits(train=tensors(100), val=tensors(10)), {"batch_size": 16, "eval_batch_size": 4})
    train = list(data.train_dataloader())
    assert len(train) == len(data.train_dataloader()) == 7
    for images, targets in train:
        assert images.dtype == torch.uint8
        assert images.shape[1:] == (1, 2, 2)
        assert torch.equal(images[:, 0, 0, 0].long(), targets)
    assert [len(targets) for _, targets in train] == [16] * 6 + [4]
    seen = torch.cat([targets for _, targets in train])
    assert not torch.equal(seen, torch.arange(100))
    assert torch.equal(seen.sort().values, torch.arange(100))
    assert [targets.tolist() for _, targets in data.val_dataloader()] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_dict_of_tensors_gives_dicts() -> None:
    data = DataModule(Splits(train={"x": torch.arange(5), "y": torch.arange(5) * 2}), {"batch_size": 2})
    batches = list(data.train_dataloader())
    assert [list(batch) for batch in batches] == [["x", "y"]] * 3
    assert all(torch.equal(batch["x"] * 2, batch["y"]) for batch in batches)


@pytest.mark.parametrize("resident", [False, True])
def test_a_tuple_with_a_dict_of_tensors_gives_such_pairs(resident: bool) -> None:
    split = ({"x": torch.arange(5), "y": torch.arange(5.0) * 2}, torch.arange(5) * 3)
    data = DataModule(Splits(train=split), {"batch_size": 2, "resident": resident})
    assert (data.samples("train"), data.steps("train")) == (5, 3)
    for inputs, targets in data.train_dataloader():
        assert list(inputs) == ["x", "y"]
        assert torch.equal(inputs["x"] * 2.0, inputs["y"])
        assert torch.equal(inputs["x"] * 3, targets)
    # One tensor in the dict: as many parts as the tuple has.
    batches = DataModule(Splits(val=({"x": torch.arange(4)}, torch.arange(4))), {"batch_size": 4}).val_dataloader()
    assert [(list(inputs), targets.tolist()) for inputs, targets in batches] == [(["x"], [0, 1, 2, 3])]


def test_changing_a_batch_in_place_changes_no_data() -> None:
    images, targets = tensors(10)
    data = DataModule(Splits(train=(images, targets), val=(images, targets)), {"batch_size": 3})
    before = images.clone()
    for loader in (data.train_dataloader(), data.val_dataloader()):
        for batch, _ in loader:
            batch.zero_()
    assert torch.equal(images, before)


def test_drop_last_is_for_training_only() -> None:
    data = DataModule(Splits(train=tensors(10), val=tensors(10)), {"batch_size": 4, "drop_last": True})
    assert [len(targets) for _, targets in data.train_dataloader()] == [4, 4]
    assert [len(targets) for _, targets in data.val_dataloader()] == [4, 4, 2]
    assert (data.steps("train"), data.steps("val"), data.samples("train")) == (2, 3, 10)
    assert data.steps("train", world_size=2) == 1


def test_the_same_samples_in_the_same_order_whatever_holds_them() -> None:
    orders = []
    for split in (tensors(50), Numbers(50), WholeBatches(50), list(range(50))):
        batches = DataModule(Splits(train=split), {"batch_size": 8}, seed=3).train_dataloader()
        orders.append([(batch[1] if isinstance(batch, (tuple, list)) else batch).tolist() for batch in batches])
    assert orders[0] == orders[1] == orders[2] == orders[3]


def test_getitems_is_asked_for_whole_batches() -> None:
    dataset = WholeBatches(10)
    assert values(DataModule(Splits(test=dataset), {"batch_size": 4}).test_dataloader()) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert dataset.asked == []


def test_a_finished_batch_of_getitems_is_not_collated() -> None:
    batches = list(DataModule(Splits(test=FinishedBatches(5)), {"batch_size": 4}).test_dataloader())
    assert [batch["index"].tolist() for batch in batches] == [[0, 1, 2, 3], [4]]


def test_collate_makes_the_batches() -> None:
    data = DataModule(Splits(test=Numbers(5), collate=sum), {"batch_size": 2})
    assert list(data.test_dataloader()) == [1, 5, 4]


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_draw_by_seed_and_batch(workers: int) -> None:
    def draws(seed: int) -> list[Any]:
        data = DataModule(Splits(train=Draws(8)), {"batch_size": 2, "workers": workers}, seed=seed)
        return [torch.stack(batch).tolist() for batch in data.train_dataloader()]

    random.seed(1)
    torch.manual_seed(1)
    first = draws(0)
    random.seed(2)
    torch.manual_seed(2)
    assert draws(0) == first
    assert draws(1) != first
    assert first[0] != first[1], "two batches draw different numbers"


def test_every_evaluation_draws_the_same() -> None:
    data = DataModule(Splits(val=Draws(8), test=Draws(8)), {"batch_size": 2})
    first = [torch.stack(batch).tolist() for batch in data.val_dataloader()]
    assert [torch.stack(batch).tolist() for batch in data.val_dataloader()] == first
    assert [torch.stack(batch).tolist() for batch in data.test_dataloader()] != first


def drawn() -> tuple[float, ...]:
    """The next numbers of every global generator; an odd number of normal ones, of which NumPy makes two at a time."""
    return random.random(), random.gauss(0, 1), float(np.random.normal()), torch.rand(()).item()


@pytest.mark.parametrize("split", [Draws(8), [(1.0, 2.0)] * 8], ids=["random", "not random"])
def test_reading_leaves_the_global_generators_alone(split: Any) -> None:
    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    seed()
    alone = [drawn() for _ in range(4)]
    seed()
    batches = DataModule(Splits(train=split), {"batch_size": 2}).train_dataloader()
    assert [drawn() for _ in batches] == alone


class Stream(IterableDataset[int]):
    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.epochs: list[int] = []

    def __iter__(self) -> Iterator[int]:
        assert get_worker_info() is None or get_worker_info().num_workers == 1  # type: ignore[union-attr]
        return iter(range(self.samples))

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


class SizedStream(Stream):
    def __len__(self) -> int:
        return self.samples


class ShardedStream(IterableDataset[int]):
    def shard(self, num_shards: int, index: int) -> range:
        return range(index, 12, num_shards)

    def __iter__(self) -> Iterator[int]:
        return iter(range(12))


def stream_loader(dataset: Any, rank: int, world_size: int, *, drop_last: bool = False, workers: int = 0) -> Any:
    order = Order(shuffle=True, seed=0, trainer_epoch=lambda: 0)
    loader = SizedStreamLoader if hasattr(dataset, "__len__") else StreamLoader
    return loader(dataset, 4, order, Reading("train", workers), drop_last=drop_last, process=Process(rank, world_size))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_is_read_in_its_order_once(workers: int) -> None:
    stream = Stream(10)
    data = DataModule(Splits(train=stream), {"batch_size": 4, "workers": workers})
    assert values(data.train_dataloader()) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert stream.epochs == [0]
    assert data.steps() is None
    assert not hasattr(data.train_dataloader(), "__len__")


def test_a_stream_that_says_its_length_has_steps() -> None:
    data = DataModule(Splits(train=SizedStream(10)), {"batch_size": 4})
    assert data.steps() == len(data.train_dataloader()) == 3


@pytest.mark.parametrize("samples", [2, 8, 9, 15, 16, 17])
@pytest.mark.parametrize("drop_last", [False, True])
def test_processes_share_a_stream_without_repeating_or_losing_a_sample(samples: int, drop_last: bool) -> None:
    if drop_last and samples < 8:
        return
    loaders = [stream_loader(SizedStream(samples), rank, 2, drop_last=drop_last) for rank in range(2)]
    shares = [values(loader) for loader in loaders]
    assert [len(share) for share in shares] == [len(loader) for loader in loaders]
    assert len(shares[0]) == len(shares[1])
    seen = sorted(sample for share in shares for batch in share for sample in batch)
    assert seen == list(range(samples // 8 * 8 if drop_last else samples))


def test_a_stream_that_ends_too_early() -> None:
    with pytest.raises(RequestError, match="the split 'train' gave 1 samples; at least 2 are needed"):
        list(stream_loader(Stream(1), 0, 2))
    with pytest.raises(RequestError, match="gave 3 samples; at least 4 are needed .a full batch for each"):
        list(stream_loader(Stream(3), 0, 1, drop_last=True))


def test_a_stream_with_shards_is_divided_over_processes_and_workers() -> None:
    shares = [values(stream_loader(ShardedStream(), rank, 2, workers=2)) for rank in range(2)]
    assert shares == [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]]
    assert DataModule(Splits(train=ShardedStream())).steps() is None
