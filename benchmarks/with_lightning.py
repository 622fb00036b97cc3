"""A user's task, the clock, and pytorch-lightning alone over the 784-128-10 network. Imports Lightning.

Recipes name the first two as ``benchmarks.with_lightning:NAME``.
"""

from __future__ import annotations

import functools
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn

from benchmarks.loops import tutorial_loader
from benchmarks.problem import Batches, as_floats, net, now, pictures, sgd


class UserTask(pl.LightningModule):
    """A task as a user writes it, with ``self.log`` in every step."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        optimizer: Callable[[nn.Module], torch.optim.Optimizer],
        scheduler: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.model, self.loss, self.optimizer, self.scheduler = model, loss, optimizer, scheduler

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch
        loss = self.loss(self.model(as_floats(inputs)), targets)
        self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=len(targets))
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self)
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer, self.trainer)}


class Clock(pl.Callback):
    """Writes how long the second epoch of two took, in seconds, with all that belongs to it.

    From the start of the second epoch, when the first one's checkpoint is saved, to the end of the training, when the
    second one's is. It has no hook for batches.

    Args:
        file: where the number goes.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self._began = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._began = now()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            Path(self.file).write_text(json.dumps(now() - self._began))


def one_cycle(optimizer: torch.optim.Optimizer, trainer: pl.Trainer) -> dict[str, Any]:
    """A scheduler that steps with every batch, as Lightning wants to be told."""
    steps = int(trainer.estimated_stepping_batches)
    return {"scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, steps), "interval": "step"}


def seconds_of_epoch(
    model: nn.Module,
    batches: Any,
    *,
    loss: Callable[..., Any] = nn.functional.cross_entropy,
    scheduled: bool = False,
    fused: bool = True,
    bar: bool = False,
    **options: Any,
) -> float:
    """Seconds of the second epoch of two; see `Clock`.

    Args:
        model: is called with a batch's inputs.
        batches: what Lightning takes as a loader.
        loss: of outputs and targets.
        scheduled: with `one_cycle`.
        fused: the optimizer.
        bar: Lightning's own defaults, a progress bar and checkpoints, instead of neither.
        options: of the Trainer.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clock = Path(folder) / "seconds.json"
        trainer = pl.Trainer(
            **{"accelerator": "cpu", "devices": 1, **options},
            max_epochs=2,
            logger=CSVLogger(folder),
            callbacks=[Clock(str(clock))],
            default_root_dir=folder,
            enable_progress_bar=bar,
            enable_checkpointing=bar,
            enable_model_summary=False,
        )
        optimizer = functools.partial(sgd, fused=fused)
        trainer.fit(UserTask(model, loss, optimizer, one_cycle if scheduled else None), batches)
        return float(json.loads(clock.read_text())) if trainer.is_global_zero else 0.0


def plain(samples: int, folder: Path) -> float:
    """Lightning with whole batches, and nothing that can be switched off."""
    batches = Batches(pictures(samples))
    return seconds_of_epoch(net(), batches) / len(batches)


def every_row(samples: int, folder: Path) -> float:
    """The same with a CSV row for every step."""
    batches = Batches(pictures(samples))
    return seconds_of_epoch(net(), batches, log_every_n_steps=1) / len(batches)


def clipping(samples: int, folder: Path) -> float:
    """The same with the gradient clipped and the learning rate scheduled in every step."""
    batches = Batches(pictures(samples))
    return seconds_of_epoch(net(), batches, scheduled=True, gradient_clip_val=1.0) / len(batches)


def defaults(samples: int, folder: Path) -> float:
    """Lightning as it is without settings, over the tutorials' DataLoader."""
    loader = tutorial_loader(samples)
    return seconds_of_epoch(net(), loader, fused=False, bar=True) / len(loader)
