"""The DataModule inside Lightning's Trainer."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from toolkit.data import DataModule, OnDisk, Splits, data_module
from toolkit.data.order import shuffled
from toolkit.errors import RequestError


class Recorder(pl.LightningModule):
    """Writes down which samples it is given; a sample is its number."""

    def __init__(self, act: Callable[[Recorder], None] = lambda module: None) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.act = act
        self.seen: dict[tuple[str, int], list[list[int]]] = {}

    def note(self, split: str, batch: Any) -> Tensor:
        numbers = batch[0]
        self.seen.setdefault((split, self.current_epoch), []).append(numbers.int().tolist())
        loss: Tensor = self.layer(numbers.float()[:, None]).sum()
        return loss

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.note("train", batch)
        self.act(self)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.note("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.note("test", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-6)


def trainer(folder: Path, **arguments: Any) -> pl.Trainer:
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
        "max_epochs": 2,
    }
    return pl.Trainer(**{**quiet, **arguments})


def numbers(samples: int = 20) -> Splits:
    part = (torch.arange(samples),)
    return Splits(train=part, val=(torch.arange(5),), test=(torch.arange(7),))


def batches_of(epoch: int, seed: int = 0, samples: int = 20, batch_size: int = 8) -> list[list[int]]:
    return [part.tolist() for part in shuffled(samples, seed, epoch).split(batch_size)]


def test_fit_and_test_read_every_split(tmp_path: Path) -> None:
    module = Recorder()
    fit = trainer(tmp_path)
    data = DataModule(numbers(), {"batch_size": 8, "eval_batch_size": 4}, seed=0)
    fit.fit(module, datamodule=data)
    fit.test(module, datamodule=data, verbose=False)
    assert module.seen == {
        ("train", 0): batches_of(0),
        ("val", 0): [[0, 1, 2, 3], [4]],
        ("train", 1): batches_of(1),
        ("val", 1): [[0, 1, 2, 3], [4]],
        ("test", 2): [[0, 1, 2, 3], [4, 5, 6]],
    }


def test_an_epoch_that_was_cut_short_does_not_change_the_next(tmp_path: Path) -> None:
    module = Recorder()
    trainer(tmp_path, limit_train_batches=1).fit(module, datamodule=DataModule(numbers(), {"batch_size": 8}))
    assert module.seen["train", 1] == batches_of(1)[:1]


@pytest.mark.parametrize("split", ["tensors", "list", "stream"])
def test_a_resumed_run_reads_the_order_of_its_epoch(tmp_path: Path, split: str) -> None:
    class Shuffling:
        epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __iter__(self) -> Any:
            return ((number,) for number in shuffled(20, 0, self.epoch).tolist())

    parts: dict[str, Any] = {
        "tensors": (torch.arange(20),),
        "list": [(number,) for number in range(20)],
        "stream": Shuffling(),
    }

    def data() -> DataModule:
        return DataModule(Splits(train=parts[split], val=(torch.arange(5),)), {"batch_size": 8})

    for name, arguments in {
        "after training": {"save_on_train_epoch_end": True},
        "after validation": {"save_on_train_epoch_end": False},
    }.items():
        folder = tmp_path / name
        saves = ModelCheckpoint(folder, save_top_k=-1, filename="{epoch}", **arguments)
        first = trainer(tmp_path, callbacks=[saves], enable_checkpointing=True, max_epochs=3)
        first.fit(Recorder(), datamodule=data())
        module = Recorder()
        second = trainer(tmp_path, max_epochs=3)
        second.fit(module, datamodule=data(), ckpt_path=folder / "epoch=0.ckpt", weights_only=True)
        assert {key: seen for key, seen in module.seen.items() if key[0] == "train"} == {
            ("train", 1): batches_of(1),
            ("train", 2): batches_of(2),
        }, name


def test_overfit_batches_means_the_same_batches(tmp_path: Path) -> None:
    module = Recorder()
    trainer(tmp_path, overfit_batches=1).fit(module, datamodule=DataModule(numbers(), {"batch_size": 8}))
    assert module.seen["train", 0] == module.seen["train", 1] == batches_of(0)[:1]


def test_no_val_split_means_no_validation(tmp_path: Path) -> None:
    module = Recorder()
    fit = trainer(tmp_path)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Total length")
        fit.fit(module, datamodule=DataModule(Splits(train=(torch.arange(4),))))
    assert {split for split, _ in module.seen} == {"train"}
    assert not fit.enable_validation


def test_no_train_split_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="dataset: there is no split 'train' to train on"):
        trainer(tmp_path).fit(Recorder(), datamodule=DataModule(Splits(val=(torch.arange(4),))))


class Ours(pl.LightningDataModule):
    """Somebody's LightningDataModule, with a device transform of its own."""

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.arange(4)), batch_size=4)

    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.arange(2)), batch_size=4)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] + 100]


def test_transforms_are_those_of_the_split_in_the_order_written(tmp_path: Path) -> None:
    module = Recorder()
    transforms = {
        "train": [lambda batch: (batch[0] + 1,), lambda batch: (batch[0] * 10,)],
        "eval": [lambda batch: (-batch[0],)],
    }
    data = DataModule(numbers(2), {"batch_size": 8}, transforms)
    fit = trainer(tmp_path, max_epochs=1)
    fit.fit(module, datamodule=data)
    fit.test(module, datamodule=data, verbose=False)
    assert sorted(module.seen["train", 0][0]) == [10, 20]
    assert module.seen["val", 0] == [[0, -1, -2, -3, -4]]
    assert module.seen["test", 1] == [[0, -1, -2, -3, -4, -5, -6]]


def test_a_datamodule_is_taken_as_it_is(tmp_path: Path) -> None:
    module, theirs = Recorder(), Ours()
    assert data_module(theirs) is theirs
    trainer(tmp_path, max_epochs=1).fit(module, datamodule=theirs)
    assert module.seen == {("train", 0): [[100, 101, 102, 103]], ("val", 0): [[100, 101]]}


def test_transforms_of_a_datamodule_come_after_its_own(tmp_path: Path) -> None:
    module = Recorder()
    transforms = {"train": [lambda batch: (batch[0] * 2,)], "eval": [lambda batch: (-batch[0],)]}
    data = data_module(Ours(), transforms=transforms)
    trainer(tmp_path, max_epochs=1).fit(module, datamodule=data)
    assert module.seen == {("train", 0): [[200, 202, 204, 206]], ("val", 0): [[-100, -101]]}


def test_resident_tensors_are_moved_once(tmp_path: Path) -> None:
    data = DataModule(numbers(), {"batch_size": 8, "resident": True})
    module = Recorder()
    trainer(tmp_path, max_epochs=1).fit(module, datamodule=data)
    assert module.seen["train", 0] == batches_of(0)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["tensors", "resident", "items", "workers", "disk"])
def test_batches_reach_a_gpu(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "x.npy", np.arange(20))
    items = [(number,) for number in range(20)]
    kinds: dict[str, Any] = {"items": items, "workers": items, "disk": OnDisk(tmp_path / "x.npy")}
    loader = {"batch_size": 8, "resident": kind == "resident", "workers": 2 if kind == "workers" else 0}
    data = DataModule(Splits(train=kinds.get(kind, (torch.arange(20),))), loader)
    module = Recorder()
    trainer(tmp_path, max_epochs=1, accelerator="gpu", devices=1).fit(module, datamodule=data)
    seen = module.seen["train", 0]
    assert sorted(number for batch in seen for number in batch) == list(range(20))
    assert kind == "disk" or seen == batches_of(0)
    batch = next(iter(data.train_dataloader()))[0]
    assert batch.is_cuda if kind == "resident" else batch.is_pinned()


def write_seen(folder: Path) -> Callable[[Recorder], None]:
    def write(module: Recorder) -> None:
        name = f"{module.global_rank}-{module.current_epoch}-{len(module.seen['train', module.current_epoch])}"
        (folder / name).write_text(json.dumps(module.seen["train", module.current_epoch][-1]))

    return write


def test_two_processes_share_the_samples(tmp_path: Path) -> None:
    module = Recorder(write_seen(tmp_path))
    data = DataModule(Splits(train=(torch.arange(21),)), {"batch_size": 5})
    trainer(tmp_path, devices=2, strategy="ddp_fork").fit(module, datamodule=data)
    for epoch in range(2):
        shares = {}
        for rank in range(2):
            files = sorted(tmp_path.glob(f"{rank}-{epoch}-*"))
            shares[rank] = [json.loads(file.read_text()) for file in files]
        # 21 samples: ten in each of two steps, and one left over, which joins the last batch of one process.
        assert [[len(batch) for batch in shares[rank]] for rank in range(2)] == [[5, 6], [5, 5]]
        order = shuffled(21, 0, epoch).tolist()
        assert sorted(shares[0][0] + shares[1][0]) == sorted(order[:10])
        assert sorted(shares[0][1] + shares[1][1]) == sorted(order[10:])
