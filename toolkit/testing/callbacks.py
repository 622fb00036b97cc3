"""What callbacks promise, with a small training around them. Imports torch and Lightning."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from toolkit.engine.plain import check_plain
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import make_trainer
from toolkit.testing.rows import assert_same
from toolkit.testing.subject import Subject


class Fitted(pl.LightningModule):
    """A linear model that is trained on a few numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Logs ``train/loss``."""
        return self._loss("train", batch)

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Logs ``val/loss``."""
        return self._loss("val", batch)

    def configure_optimizers(self) -> Any:
        """SGD, with a learning rate that stays."""
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)]

    def _loss(self, split: str, batch: Any) -> Tensor:
        loss = nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log(f"{split}/loss", loss, on_epoch=True)
        return loss


def goes_through_a_training(subject: Subject) -> None:
    """A training of two epochs with validation, and with the callback, comes to its end."""
    fitted(subject, subject.build())


def state_round_trip(subject: Subject) -> None:
    """After a training its state is made of tensors and plain values, and a callback that is built anew and has loaded
    it has the same state."""
    callback = subject.build()
    fitted(subject, callback)
    state = callback.state_dict()
    check_plain(state)
    again = subject.build()
    again.load_state_dict(deepcopy(state))
    assert_same(again.state_dict(), state, "after loading its state it has another one")


CHECKS = (goes_through_a_training, state_round_trip)


def fitted(subject: Subject, callback: pl.Callback) -> None:
    """Train a little with a callback."""
    numbers = torch.linspace(0, 1, 16)
    data = DataLoader(TensorDataset(torch.stack((numbers, 1 - numbers), 1), numbers[:, None]), batch_size=4)
    trainer = make_trainer(
        {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 2,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": 1,
            "logger": CSVLogger(str(subject.folder / "logged")),
            "default_root_dir": str(subject.folder / "run"),
            "callbacks": [callback],
            "enable_checkpointing": isinstance(callback, pl.callbacks.Checkpoint),
            "enable_progress_bar": isinstance(callback, pl.callbacks.ProgressBar),
            "enable_model_summary": isinstance(callback, pl.callbacks.ModelSummary),
        }
    )
    with quiet_lightning():
        trainer.fit(Fitted(), data, data)
