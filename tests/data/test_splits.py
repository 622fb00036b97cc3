"""What counts as a split, and what is said of something that does not."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from toolkit.data import DataModule, Splits
from toolkit.errors import RequestError


class Stream:
    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


class WithoutLength(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize(
    "split",
    [
        (torch.zeros(4, 2), torch.zeros(4)),
        (torch.zeros(4),),
        {"tokens": torch.zeros(4, 7), "length": torch.zeros(4)},
        TensorDataset(torch.zeros(4, 2), torch.zeros(4)),
        [(torch.zeros(2), 0), (torch.zeros(2), 1)],
        ((torch.zeros(2), 0), (torch.zeros(2), 1)),
        np.zeros((4, 2)),
        Stream(),
    ],
    ids=["tuple", "one tensor", "dict", "TensorDataset", "list of samples", "tuple of samples", "array", "stream"],
)
def test_every_kind_of_split_is_taken(split: Any) -> None:
    assert DataModule(Splits(train=split)).names == ("train",)


WRONG = {
    "unequal": (
        (torch.zeros(4, 2), torch.zeros(3)),
        "holds tensors with unequal first dimensions (0: (4, 2), 1: (3,)); it must be the samples'",
    ),
    "unequal dict": (
        {"tokens": torch.zeros(4, 2), "length": torch.zeros(3)},
        "holds tensors with unequal first dimensions ('tokens': (4, 2), 'length': (3,)); it must be the samples'",
    ),
    "unequal in a dict": (
        ({"age": torch.zeros(4, 2), "city": torch.zeros(3)}, torch.zeros(4)),
        "holds tensors with unequal first dimensions (0['age']: (4, 2), 0['city']: (3,), 1: (4,)); it must be the",
    ),
    "empty": ((torch.zeros(0, 2), torch.zeros(0)), "is empty; leave it None if there is no such split"),
    "empty list": ([], "is empty; leave it None if there is no such split"),
    "scalar": ((torch.zeros(4), torch.tensor(1)), "holds a tensor without a first dimension (entry 1)"),
    "mixed": ((torch.zeros(4), [1, 2, 3, 4]), "holds tensors, but its entry 1 is of type list"),
    "sparse": (
        (torch.zeros(4, 2).to_sparse(),),
        "holds a sparse tensor (entry 0); only dense ones can be loaded by whole batches",
    ),
    "bare tensor": (torch.zeros(4), "is a bare tensor; return a tuple of tensors, such as (inputs, targets)"),
    "arrays": ((np.zeros(4), np.zeros(4)), "holds NumPy arrays; turn them into tensors with torch.from_numpy"),
    "mapping": ({"a": 1}, "is a mapping without tensors; return a dict of tensors with equal first dimension"),
    "generator": (
        (number for number in range(3)),
        "is an iterator (generator), which ends for good; return an object with __iter__",
    ),
    "text": ("mnist", "is of type str; a split is a tuple or dict of tensors with equal first dimension"),
    "number": (3, "is of type int; a split is a tuple or dict of tensors with equal first dimension"),
    "no length": (WithoutLength(), "is of type WithoutLength; a split is a tuple or dict of tensors"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_split_is_named_with_the_reason(name: str) -> None:
    split, message = WRONG[name]
    with pytest.raises(RequestError) as error:
        DataModule(Splits(train=(torch.zeros(4), torch.zeros(4)), val=split))
    assert str(error.value).startswith(f"dataset: the split 'val' {message}")


def test_an_object_without_the_attributes_is_no_dataset() -> None:
    with pytest.raises(RequestError, match="it returned SimpleNamespace, which has no attribute 'val'"):
        DataModule(SimpleNamespace(train=None, facts={}))  # type: ignore[arg-type]


def test_the_shape_is_enough() -> None:
    data = SimpleNamespace(train=(torch.zeros(4),), val=None, test=None)
    assert DataModule(data).names == ("train",)  # type: ignore[arg-type]


def test_no_split_at_all() -> None:
    with pytest.raises(RequestError, match="train, val and test are all None"):
        DataModule(Splits())


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        ({"batchsize": 3}, r"loader.batchsize: loader has no key 'batchsize'. Did you mean 'batch_size'\?"),
        ({"batch_size": 0}, "loader.batch_size: expected a whole number from 1 up, got 0"),
        ({"batch_size": True}, "loader.batch_size: expected a whole number or 'auto', got true"),
        ({"eval_batch_size": -1}, "loader.eval_batch_size: expected a whole number from 1 up, got -1"),
        ({"workers": -1}, "loader.workers: expected a whole number from 0 up, got -1"),
        ({"drop_last": 1}, "loader.drop_last: expected true or false, got 1"),
        ({"resident": "yes"}, "loader.resident: expected true or false, got the text 'yes'; write true"),
    ],
)
def test_a_wrong_loader_setting_is_named(loader: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        DataModule(Splits(train=(torch.zeros(4),)), loader)


def test_a_wrong_transforms_key_is_named() -> None:
    with pytest.raises(RequestError, match=r"transforms.trian: no such key. Did you mean 'train'\?"):
        DataModule(Splits(train=(torch.zeros(4),)), {}, {"trian": []})


def test_only_tensors_can_be_resident() -> None:
    with pytest.raises(RequestError, match=r"loader.resident: the split 'val' is not made of tensors \(list\)"):
        DataModule(Splits(train=(torch.zeros(4),), val=[1, 2]), {"resident": True})


def test_a_batch_that_cannot_be_filled_is_said_at_once() -> None:
    with pytest.raises(RequestError, match="loader.batch_size: 8 is more than the 4 samples of the split 'train'"):
        DataModule(Splits(train=(torch.zeros(4),)), {"batch_size": 8, "drop_last": True})
    val = DataModule(Splits(val=(torch.zeros(4),)), {"batch_size": 8, "drop_last": True})
    assert val.steps("val") == 1
