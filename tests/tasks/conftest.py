"""A quiet trainer, a logger that remembers, and batches: tasks need no more than a layer and a few samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class Rows(Logger):
    """Keeps what is logged, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        return "rows"

    @property
    def version(self) -> str:
        return "0"

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.append({name: value for name, value in metrics.items() if name != "epoch"})

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("a task saves no hyperparameters")

    def values(self, name: str) -> list[float]:
        return [row[name] for row in self.rows if name in row]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """Makes trainers that train one epoch on the CPU and leave nothing behind."""

    def make(**options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "max_epochs": 1,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": 1,
            "default_root_dir": tmp_path,
        }
        return Trainer(**{**defaults, **options})

    return make


@pytest.fixture
def batches() -> Callable[..., DataLoader[Any]]:
    """Makes loaders over tensors, in order."""

    def make(inputs: Tensor, targets: Tensor, size: int = 8) -> DataLoader[Any]:
        return DataLoader(TensorDataset(inputs, targets), batch_size=size)

    return make
