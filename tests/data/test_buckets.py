"""Batches of samples of similar length: nobody lost, little padding, and the same from any place in an epoch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toolkit.data import DataModule, Splits
from toolkit.data.buckets import STRETCH, bucketed, by_length, with_some
from toolkit.data.items import ItemLoader
from toolkit.data.order import Order, Plan, Process
from toolkit.data.reading import Reading
from toolkit.errors import RequestError


class Texts:
    """Sample `i` is a text of `lengths[i]` tokens, all of them `i`; a batch is padded with -1."""

    def __init__(self, lengths: Any) -> None:
        self.lengths = lengths
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((int(self.lengths[index]),), index)

    def __getitems__(self, indices: list[int]) -> torch.Tensor:
        self.asked += indices
        return torch.nn.utils.rnn.pad_sequence([self[index] for index in indices], batch_first=True, padding_value=-1)


def drawn(samples: int, longest: int = 200) -> torch.Tensor:
    return torch.randint(1, longest + 1, (samples,), generator=torch.Generator().manual_seed(samples))


def seen(batches: list[torch.Tensor]) -> list[int]:
    return [int(text[0]) for batch in batches for text in batch]


sizes = {
    "samples": st.integers(1, 400),
    "longest": st.integers(1, 50),
    "batch_size": st.integers(1, 9),
    "world_size": st.integers(1, 3),
    "drop_last": st.booleans(),
    "shuffle": st.booleans(),
    "seed": st.integers(0, 3),
    "epoch": st.integers(0, 3),
}


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 60), **sizes)
def test_every_sample_once_in_as_many_steps_and_from_any_place(
    samples: int,
    longest: int,
    batch_size: int,
    world_size: int,
    drop_last: bool,
    shuffle: bool,
    seed: int,
    epoch: int,
    position: int,
) -> None:
    assume(samples >= world_size)
    data = Texts(drawn(samples, longest))
    found, steps = list[int](), set[int]()
    for rank in range(world_size):
        plan = Plan(samples, batch_size, drop_last, Process(rank, world_size))

        def loader(dataset: Texts, at: int, plan: Plan = plan) -> ItemLoader:
            order = Order(shuffle, seed, lambda: epoch, lambda: at)
            return ItemLoader(dataset, plan, by_length(order, data.lengths, plan), Reading("train"))

        whole = list(loader(data, 0))
        steps.add(len(whole))
        found += seen(whole)
        assert len(whole) == plan.steps
        assert all(len(batch) == batch_size for batch in whole[:-1])
        again = Texts(data.lengths)
        tail = list(loader(again, position))
        assert seen(tail) == seen(whole[position:]) == again.asked, "and nothing before that place is read"
    assert len(steps) == 1
    if drop_last:
        assert len(found) == len(set(found)) == batch_size * world_size * steps.pop()
    else:
        assert sorted(found) == list(range(samples))


@settings(max_examples=60, deadline=None)
@given(samples=st.integers(1, 3000), together=st.integers(1, 40), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_an_epoch_is_a_permutation_of_its_seed_and_number(samples: int, together: int, seed: int, epoch: int) -> None:
    lengths = drawn(samples)
    torch.manual_seed(epoch)
    order = bucketed(lengths, together, seed, epoch)
    torch.manual_seed(seed + 10)
    assert torch.equal(order, bucketed(lengths, together, seed, epoch))
    assert torch.equal(order.sort().values, torch.arange(samples))
    if samples // together > 20:
        assert not torch.equal(order, bucketed(lengths, together, seed, epoch + 1))
        assert not torch.equal(order, bucketed(lengths, together, seed + 1, epoch))


class Untold:
    """The same texts, whose lengths nobody knows."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.texts[index]

    def __getitems__(self, indices: list[int]) -> torch.Tensor:
        return self.texts.__getitems__(indices)


def padding(data: Any) -> tuple[int, int]:
    """How many tokens of an epoch of training, and of an evaluation, are padding."""
    module = DataModule(Splits(train=data, val=data), {"batch_size": 16})
    loaders = (module.train_dataloader(), module.val_dataloader())
    in_training, in_evaluation = (sum(int((batch == -1).sum()) for batch in loader) for loader in loaders)
    return in_training, in_evaluation


@pytest.mark.parametrize("samples", [500, 4003])
def test_little_is_padded(samples: int) -> None:
    """Texts of 1 to 200 tokens, 16 in a batch: without buckets there is nearly as much padding as there is text."""
    texts = Texts(drawn(samples))
    total = int(texts.lengths.sum())
    assert min(padding(Untold(texts))) > 0.7 * total
    in_training, in_evaluation = padding(texts)
    assert in_training < 0.1 * total
    assert in_evaluation < 0.04 * total


def test_epochs_differ_in_their_batches_and_in_their_order() -> None:
    lengths = drawn(32 * STRETCH * 4)
    batches = [bucketed(lengths, 32, 0, epoch).view(-1, 32) for epoch in (0, 1)]
    together = [{frozenset(batch.tolist()) for batch in each} for each in batches]
    assert len(together[0] & together[1]) <= 1
    means = lengths[batches[0]].float().mean(1)
    assert not torch.equal(means, means.sort().values)
    # Neighbours of an epoch are of unrelated lengths.
    assert abs(float(torch.corrcoef(torch.stack((means[1:], means[:-1])))[0, 1])) < 0.3


def test_what_is_left_over_is_of_any_length() -> None:
    """With `drop_last` it would otherwise be the longest samples that nobody is trained on."""
    lengths = drawn(105)
    lasts = [float(lengths[bucketed(lengths, 20, 0, epoch)[-5:]].float().mean()) for epoch in range(40)]
    assert min(lasts) < 50
    assert max(lasts) > 150


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_lengths_are_any_sequence_of_whole_numbers(kind: Any) -> None:
    module = DataModule(Splits(val=Texts(kind([3, 1, 2]))), {"batch_size": 1})
    assert seen(list(module.val_dataloader())) == [1, 2, 0]


def test_tensors_may_have_lengths_too() -> None:
    tensors = torch.utils.data.TensorDataset(torch.arange(5))
    tensors.lengths = [5, 4, 3, 2, 1]  # type: ignore[attr-defined]
    module = DataModule(Splits(train=tensors, val=tensors), {"batch_size": 2})
    assert [batch[0].tolist() for batch in module.val_dataloader()] == [[4, 3], [2, 1], [0]]
    assert sorted(number for batch in module.train_dataloader() for number in batch[0].tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("lengths", "told"),
    [
        (["a", "b", "c"], "that are not whole numbers"),
        ([1.5, 2.0, 3.0], "that are not whole numbers"),
        ([True, False, True], "that are not whole numbers"),
        ([[1], [2], [3]], "that are not whole numbers"),
        ([None, 1, 2], "that are not whole numbers"),
        (7, "that are not whole numbers"),
        (len, "that are not whole numbers"),
        ([1, 2], "has 2 `lengths` for 3 samples"),
    ],
)
def test_wrong_lengths_are_told_with_their_split(lengths: Any, told: str) -> None:
    class Wrong(Texts):
        def __len__(self) -> int:
            return 3

    with pytest.raises(RequestError, match=rf"^dataset: the split 'val' .*{told}"):
        DataModule(Splits(train=Texts([1, 2]), val=Wrong(lengths)), {"batch_size": 1})


def test_the_longest_samples_tell_what_fits_in_memory() -> None:
    data = with_some(Splits(train=Texts([3, 9, 1, 7]), val=Texts([1]), collate=max), "train", slice(2))
    assert data.train.__getitems__([0, 1]).shape == (2, 9)
    assert [len(data.train[index]) for index in range(len(data.train))] == [9, 7]
    assert data.collate is max
    for other in (Splits(train=(torch.arange(3),)), Splits(train=range(3)), Splits(train=iter), Splits()):
        assert with_some(other, "train", slice(2)) is other


def test_the_documented_split_loads() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "self.lengths" in each]
    names: dict[str, Any] = {}
    exec(block, names)
    texts = names["Texts"]([[1] * (number % 7 + 1) for number in range(40)], torch.arange(40))
    data = DataModule(Splits(train=texts), {"batch_size": 8})
    batches = list(data.train_dataloader())
    assert [tokens.shape[0] for tokens, _ in batches] == [8] * 5
    assert sorted(torch.cat([targets for _, targets in batches]).tolist()) == list(range(40))
