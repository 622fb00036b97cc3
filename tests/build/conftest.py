"""A small plugin of real components, installed as package metadata on the path, and recipes that use it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.build import Experiment, build
from toolkit.check import Checked, resolve
from toolkit.recipe import load
from toolkit.registry import Registry

SOURCE = '''
import random
from types import SimpleNamespace

import numpy
import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset


def samples(count, classes=3):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 4, generator=generator), torch.arange(count) % classes


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(*samples(8))


def data(train=40, val=8, facts=None, draws=0, stream=False):
    """Tensors; `draws` takes random numbers, as a dataset that shuffles once does."""
    for _ in range(draws):
        random.random(), numpy.random.rand(), torch.rand(1)
    known = {"task": "multiclass", "num_classes": 3, "in_features": numpy.int64(4), "sample_rate": None}
    return SimpleNamespace(
        train=Stream() if stream else samples(train), val=samples(val) if val else None, test=samples(8),
        facts=known if facts is None else facts,
    )


class Module(LightningDataModule):
    num_classes = None
    hidden = 77  # not on the list of facts

    def __init__(self, broken: bool = False):
        super().__init__()
        self.broken = broken

    def setup(self, stage):
        if self.broken:
            raise OSError("no such disk")
        self.in_features, self.num_classes = 4, 3

    def train_dataloader(self):
        return DataLoader(TensorDataset(*samples(40)), batch_size=8)

    def val_dataloader(self):
        return DataLoader(TensorDataset(*samples(8)), batch_size=8)


class Texts(Module):
    """Batches of text; it makes tensors of them itself when it is told to."""

    def __init__(self, encode: bool = False):
        super().__init__()
        self.encode = encode

    def train_dataloader(self):
        return DataLoader(["one", "two", "three"], batch_size=2)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {"text": batch, "length": torch.tensor([len(each) for each in batch])} if self.encode else batch


class Net(nn.Module):
    def __init__(self, in_features: int, num_classes: int = 99, width: int = 8, part: nn.Module | None = None,
                 scales: tuple[float, ...] = ()):
        super().__init__()
        if width < 1:
            raise ValueError(f"first line\\nwidth must be at least 1, not {width}")
        self.scales = scales
        self.body = nn.Sequential(nn.Linear(in_features, width), nn.BatchNorm1d(width), nn.ReLU())
        self.part = part
        self.head = nn.Linear(width, num_classes)

    def forward(self, inputs):
        return self.head(self.body(inputs))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 4), nn.Linear(4, 5)
        self.out.weight = self.embed.weight


class Block(nn.Module):
    def __init__(self, size: int = 2, num_classes: int = 0, children: list = (), table: dict | None = None):
        super().__init__()
        self.size, self.num_classes, self.table = size, num_classes, table or {}
        self.inner = nn.ModuleList(children)
        if size == 0:
            raise KeyError("size")


def twice(factor: float = 2.0, num_classes: int = 0):
    return lambda batch: (batch[0] * factor, batch[1])


def no_module():
    return {"not": "a module"}


class Watcher(Callback):
    def __init__(self, monitor: str, mode: str = "neither", dirpath: str | None = None):
        self.monitor, self.mode, self.dirpath = monitor, mode, dirpath


class OwnTask(LightningModule):
    """A task of somebody else's: it calls its network what it likes, and takes only what it needs."""

    def __init__(self, model, optimizer):
        super().__init__()
        self.network, self.extra, self.make = model, nn.Linear(1, 1), optimizer

    def configure_optimizers(self):
        return self.make(self)


class Lengths:
    """A scheduler that remembers how long it was told the run is."""


def lengths(optimizer, total_steps: int, steps_per_epoch: int, epochs: int):
    made = torch.optim.lr_scheduler.ConstantLR(optimizer)
    made.told = (total_steps, steps_per_epoch, epochs)
    return made
'''

ENTRY_POINTS = """
[toolkit.datasets]
tiny = tiny_parts:data
tiny_module = tiny_parts:Module
tiny_texts = tiny_parts:Texts
[toolkit.models]
tiny_net = tiny_parts:Net
tied = tiny_parts:Tied
no_module = tiny_parts:no_module
[toolkit.parts]
tiny_block = tiny_parts:Block
[toolkit.transforms]
twice = tiny_parts:twice
[toolkit.callbacks]
watcher = tiny_parts:Watcher
[toolkit.tasks]
own = tiny_parts:OwnTask
[toolkit.schedulers]
lengths = tiny_parts:lengths
"""

RECIPE = """\
# Tiny
seed: 3
task: classification
dataset: tiny
loader: {batch_size: 8}
model: {use: tiny_net, width: 6}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 2}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, install_plugin: Callable[..., Path]) -> Iterator[Registry]:
    """The installed plugins and the small one."""
    site = tmp_path_factory.mktemp("site")
    install_plugin(site, "tiny-parts", ENTRY_POINTS, {"tiny_parts.py": SOURCE}, version="1.2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(site), *sys.path])
        yield Registry.scan()
    sys.modules.pop("tiny_parts", None)


@pytest.fixture
def checked(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Checked]:
    """Checks the small recipe, or another, with overrides."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(RECIPE)

    def make(*overrides: str, recipe: str = "./tiny.yaml") -> Checked:
        found = resolve(load(recipe, overrides, registry=registry), registry)
        assert found.problems == ()
        return found

    return make


@pytest.fixture
def built(checked: Callable[..., Checked]) -> Callable[..., Experiment]:
    """Builds the small recipe, or another, with overrides."""

    def make(*overrides: str, recipe: str = "./tiny.yaml", **options: Any) -> Experiment:
        return build(checked(*overrides, recipe=recipe), **options)

    return make
