"""Passes over pictures in memory: samples a second. Imports torch and torchvision."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms

from benchmarks.frame import Rounds, interleaved
from benchmarks.loops import PilPictures
from benchmarks.problem import BATCH, Batches, as_floats, now, pictures
from benchmarks.with_toolkit import training_batches

SHAPES = {"mnist": (28, 28), "cifar": (3, 32, 32)}
PADDING = 4


def rounds(kind: str, samples: int, variants: list[str], count: int) -> Rounds:
    """One measurement, in this process: samples a second by variant and round."""
    torch.set_num_threads(1)
    importlib.import_module("toolkit.data.module")  # is no part of what is timed
    tensors = pictures(samples, SHAPES[kind])
    known = (_mnist if kind == "mnist" else _cifar)(tensors)

    def rate(batches: Callable[[], Iterable[Any]]) -> float:
        began = now()
        seen = sum(len(as_floats(inputs)) for inputs, _ in batches())
        assert seen == samples
        return samples / (now() - began)

    return interleaved({name: functools.partial(rate, known[name]) for name in variants}, count)


def crop_and_flip(batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Pads pictures ``(batch, channels, height, width)``, crops each at a place of its own, flips half of them."""
    inputs, targets = batch
    number, _, height, width = inputs.shape
    padded = torch.nn.functional.pad(inputs, [PADDING] * 4)
    top, left = torch.randint(0, 2 * PADDING + 1, (2, number, 1, 1))
    rows = top + torch.arange(height).view(1, -1, 1)
    columns = torch.arange(width).view(1, 1, -1)
    columns = left + torch.where(torch.rand(number, 1, 1) < 0.5, columns, width - 1 - columns)
    index = (rows * padded.shape[3] + columns).view(number, 1, -1).expand(-1, inputs.shape[1], -1)
    return padded.flatten(2).gather(2, index).view_as(inputs), targets


class Samples:
    """A map-style dataset that hands out a sample."""

    def __init__(self, tensors: tuple[Tensor, Tensor]) -> None:
        self.inputs, self.targets = tensors

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.targets[index]


class WholeBatches(Samples):
    """A map-style dataset that hands out whole batches."""

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        index = torch.tensor(indices)
        return self.inputs.index_select(0, index), self.targets.index_select(0, index)


def _mnist(tensors: tuple[Tensor, Tensor]) -> Mapping[str, Callable[[], Iterable[Any]]]:
    pil = functools.partial(DataLoader[Any], PilPictures(tensors), batch_size=BATCH, shuffle=True)
    return {
        "pil": pil,
        "pil_workers": functools.partial(pil, num_workers=2),
        "tensor_dataset": lambda: DataLoader(TensorDataset(*tensors), batch_size=BATCH, shuffle=True),
        "by_hand": lambda: Batches(tensors),
        "tensors": lambda: training_batches(tensors),
        "whole_batches": lambda: training_batches(WholeBatches(tensors)),
        "samples": lambda: training_batches(Samples(tensors)),
    }


def _cifar(tensors: tuple[Tensor, Tensor]) -> Mapping[str, Callable[[], Iterable[Any]]]:
    changed = transforms.Compose(
        [transforms.RandomCrop(32, PADDING), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    images = (tensors[0].permute(0, 2, 3, 1).contiguous(), tensors[1])
    pil = functools.partial(DataLoader[Any], PilPictures(images, changed), batch_size=BATCH, shuffle=True)
    return {
        "pil": pil,
        "pil_workers": functools.partial(pil, num_workers=2),
        "by_hand": lambda: map(crop_and_flip, Batches(tensors)),
        "tensors": lambda: training_batches(tensors, crop_and_flip),
    }
