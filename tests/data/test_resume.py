"""A training that is resumed inside an epoch by Lightning's Trainer reads what was still to come, and that alone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn

from toolkit.data import DataModule, OnDisk, Splits
from toolkit.data.order import shuffled

SAMPLES, BATCH_SIZE = 22, 4


class Numbers:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[int]:
        self.asked.append(index)
        return (index,)


class Stream:
    """Shuffles by the epoch that it is told."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.given = 0

    def set_epoch(self, epoch: int) -> None:
        self.numbers = shuffled(SAMPLES, 1, epoch).tolist()

    def __iter__(self) -> Iterator[tuple[int]]:
        for number in self.numbers:
            self.given += 1
            yield (number,)


class SizedStream(Stream):
    def __len__(self) -> int:
        return SAMPLES


class Skipping(Stream):
    def skip(self, samples: int) -> Any:
        rest = Skipping()
        rest.numbers = self.numbers[samples:]
        return rest


class Stateful(Stream):
    place = 0

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self.place = 0

    def state_dict(self) -> dict[str, int]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.place = state["place"]

    def __iter__(self) -> Iterator[tuple[int]]:
        while self.place < len(self.numbers):
            self.place += 1
            self.given += 1
            yield (self.numbers[self.place - 1],)


class Divided(Stateful):
    def shard(self, num_shards: int, index: int) -> Any:
        part = Stateful()
        part.numbers = self.numbers[index::num_shards]
        return part


def split(kind: str, folder: Path) -> Any:
    if kind == "tensors":
        return (torch.arange(SAMPLES),)
    if kind == "disk":
        np.save(folder / "numbers.npy", np.arange(SAMPLES))
        return OnDisk(folder / "numbers.npy")
    kinds = {"items": Numbers, "stream": Stream, "sized": SizedStream, "skip": Skipping, "state": Stateful}
    return {**kinds, "divided": Divided}[kind]()


class Recorder(pl.LightningModule):
    """Writes down what it is trained on; each process in a file of its own too."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.folder = folder
        self.seen: list[tuple[int, list[int]]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen.append((self.current_epoch, batch[0].tolist()))
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps(self.seen))
        loss: Tensor = self.layer(batch[0].float()[:, None]).sum()
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-6)


def train(folder: Path, data: Any, workers: int, ckpt_path: Path | None = None, **arguments: Any) -> Recorder:
    folder.mkdir(exist_ok=True)
    module = Recorder(folder)
    saves = ModelCheckpoint(folder, save_top_k=-1, every_n_train_steps=1, filename="{step}")
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[saves],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **{"max_epochs": 2, **arguments},
    )
    loader = {"batch_size": BATCH_SIZE, "workers": workers}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*your dataloader is not resumable")
        warnings.filterwarnings("ignore", message="(The dirpath has changed|Checkpoint directory)")
        module_data = DataModule(Splits(train=data), loader, seed=1)
        trainer.fit(module, datamodule=module_data, ckpt_path=ckpt_path, weights_only=True)
    return module


EPOCHS, STEPS = {"max_epochs": 2}, {"max_epochs": -1, "max_steps": 12}


@pytest.mark.parametrize(
    ("kind", "workers", "length"),
    [
        ("tensors", 0, EPOCHS),
        ("tensors", 0, STEPS),
        ("items", 0, EPOCHS),
        ("items", 2, EPOCHS),
        ("disk", 0, EPOCHS),
        ("stream", 0, EPOCHS),
        ("stream", 0, STEPS),
        ("sized", 0, EPOCHS),
        ("skip", 0, EPOCHS),
        ("state", 0, EPOCHS),
        ("state", 1, EPOCHS),
        ("divided", 2, EPOCHS),
    ],
)
def test_it_reads_what_was_still_to_come(
    tmp_path: Path, kind: str, workers: int, length: dict[str, int], capfd: pytest.CaptureFixture[str]
) -> None:
    whole = train(tmp_path, split(kind, tmp_path), workers, **length).seen
    steps = len(whole) // 2
    assert steps >= 6
    for epoch in range(2):
        seen = [number for in_epoch, batch in whole if in_epoch == epoch for number in batch]
        assert sorted(seen) == list(range(SAMPLES))
    # Inside the first epoch, at its end, inside the second.
    for step in (1, 4, steps, steps + 2):
        data = split(kind, tmp_path)
        capfd.readouterr()
        resumed = train(tmp_path / "resumed", data, workers, tmp_path / f"step={step}.ckpt", **length)
        assert resumed.seen == whole[step:], step
        if kind == "items" and workers == 0:
            assert len(data.asked) == 2 * SAMPLES - sum(len(batch) for _, batch in whole[:step])
        told = "is read again from its beginning" in capfd.readouterr().err
        assert told == (kind in ("stream", "sized") and step != steps)


def test_two_processes_go_on_where_each_of_them_was(tmp_path: Path) -> None:
    def seen(folder: Path, ckpt_path: Path | None = None) -> list[list[Any]]:
        arguments = {"devices": 2, "strategy": "ddp_fork", "max_epochs": 1}
        train(folder, Divided(), 0, ckpt_path, **arguments)
        return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]

    whole = seen(tmp_path)
    assert sorted(number for share in whole for _, batch in share for number in batch) == list(range(SAMPLES))
    assert seen(tmp_path / "resumed", tmp_path / "step=2.ckpt") == [share[2:] for share in whole]
