"""Two processes share one run: who reads which sample, who writes which file, and metrics as of one process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.recipe import load
from toolkit.runs import RunResult, run
from toolkit.tracking.folder import RunFolder

CODE = '''
import atexit
import json
import os
import sys

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset
from toolkit.tasks.classification import Classification
from toolkit.tasks.tables import Table

RANK = os.environ.get("RANK", "alone")
SAMPLES = {"train": 51, "val": 34, "test": 18}
"""In batches of 8 on each of two processes: one sample left over, two, and two."""


def sample(split, index):
    """Its number is its first feature."""
    drawn = torch.Generator().manual_seed(index * 31 + len(split))
    return torch.cat([torch.tensor([float(index)]), torch.randn(4, generator=drawn)]), index * 7 % 3


class Items(Dataset):
    def __init__(self, split):
        self.split = split
        self.lengths = [index * 7 % 5 for index in range(SAMPLES[split])]

    def __len__(self):
        return SAMPLES[self.split]

    def __getitem__(self, index):
        return sample(self.split, index)


class Stream(IterableDataset):
    def __init__(self, split):
        self.split = split

    def __iter__(self):
        return (sample(self.split, index) for index in range(SAMPLES[self.split]))


class Splits:
    """A split of each kind: tensors, items in batches of similar length, a stream."""

    def __init__(self):
        rows = [sample("train", index) for index in range(SAMPLES["train"])]
        self.train = (torch.stack([row[0] for row in rows]), torch.tensor([row[1] for row in rows]))
        self.val, self.test = Items("val"), Stream("test")
        self.facts = {"num_classes": 3, "task": "multiclass"}


class Tells(Classification):
    def on_validation_epoch_end(self):
        super().on_validation_epoch_end()
        self.tables = {"ranks": Table(("rank",), [[RANK]])}


class Net(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.head = nn.Linear(5, num_classes)

    def forward(self, inputs):
        return self.head(inputs / 50)


class Counts(pl.Callback):
    """Notes the numbers of the samples that this process is given."""

    def __init__(self):
        self.seen = {}
        atexit.register(lambda: write(f"seen-{RANK}.json", self.seen))

    def note(self, split, trainer, batch):
        self.seen.setdefault(f"{split} {trainer.current_epoch}", []).append([int(number) for number in batch[0][:, 0]])

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.note("train", trainer, batch)

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self.note("val", trainer, batch)

    def on_test_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self.note("test", trainer, batch)


WRITTEN = []


def watch(event, arguments):
    """Notes what this process writes, makes, renames or removes, whatever code does it."""
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        WRITTEN.append(arguments[0])
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate"):
        WRITTEN.append(str(arguments[0]))
    elif event == "os.rename":
        WRITTEN.append(str(arguments[1]))


def write(name, content):
    with open(os.path.join(os.path.dirname(__file__), name), "w") as file:
        json.dump(content, file)


if RANK != "alone":
    sys.addaudithook(watch)
    atexit.register(lambda: write(f"wrote-{RANK}.json", sorted(set(WRITTEN))))
'''

RECIPE = """
task: ./shares.py:Tells
dataset: ./shares.py:Splits
loader: {batch_size: 8}
model: ./shares.py:Net
loss: cross_entropy
optimizer: {use: sgd, lr: 0.0}
metrics: {accuracy: {}, auroc: {}}
callbacks: {counts: ./shares.py:Counts}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., RunResult]:
    """Trains the recipe. Its weights stay as they are, so that the samples' order is nothing to the metrics."""
    (tmp_path / "shares.py").write_text(CODE)
    (tmp_path / "shares.yaml").write_text(RECIPE)
    return lambda *overrides: run(load(str(tmp_path / "shares.yaml"), overrides, allow_code=True))


@pytest.mark.usefixtures("forked_ranks")
def test_two_processes_read_each_sample_once_and_measure_what_one_does(
    trained: Callable[..., RunResult], tmp_path: Path
) -> None:
    two = trained("trainer.devices=2")
    seen = [json.loads((tmp_path / f"seen-{rank}.json").read_text()) for rank in range(2)]
    whole = {"train": range(51), "val": range(34), "test": range(18)}
    assert seen[0].keys() == seen[1].keys()
    assert {key.split()[0] for key in seen[0]} == whole.keys()
    assert len(seen[0]) == 5  # two epochs of training and validation, one test
    for key in seen[0]:
        batches = [part[key] for part in seen]
        counted = Counter(number for part in batches for batch in part for number in batch)
        assert counted == Counter(whole[key.split()[0]]), key
        # The same number of steps, and the last ones differ by a sample at most.
        assert len(batches[0]) == len(batches[1])
        assert abs(len(batches[0][-1]) - len(batches[1][-1])) <= 1
    assert seen[0]["train 0"] != seen[0]["train 1"]

    one = trained()
    assert one.metrics.keys() == two.metrics.keys()
    assert len(one.metrics) == 9
    assert dict(two.metrics) == pytest.approx(dict(one.metrics), abs=1e-6)

    # Who wrote what, by the audit hooks of both processes.
    folder = RunFolder(two.folder)
    wrote = [json.loads((tmp_path / f"wrote-{rank}.json").read_text()) for rank in range(2)]
    by_rank = [inside(folder.path, names) for names in wrote]
    assert by_rank[1] == {"logs/rank-1.json"}
    files = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    by_the_program = {"recipe.yaml", "logs/rank-0.log", "logs/rank-1.log"}
    assert files - by_rank[0] == by_the_program
    assert {"run.json", "metrics.csv", "checkpoints/epoch-0002.ckpt", "plots/ranks.csv"} <= by_rank[0]
    assert (folder.plots / "ranks.csv").read_text() == "rank\n0\n"


def inside(folder: Path, names: list[str]) -> set[str]:
    """Those of the files that lie in a folder, by their final names."""
    found: set[Any] = {Path(name).relative_to(folder) for name in names if Path(name).is_relative_to(folder)}
    return {str(path) for path in found if not path.name.endswith(".part")}
