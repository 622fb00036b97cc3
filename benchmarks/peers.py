"""Fabric, accelerate and HF Trainer over the 784-128-10 network, as their documentation says: seconds of a step.

Imports torch, and each of them only inside the function that measures it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from benchmarks.loops import LOG_EVERY, seconds_of_step
from benchmarks.problem import BATCH, Batches, net, now, pictures, sgd


def fabric(samples: int, folder: Path) -> float:
    """Fabric's documented loop over batches in memory."""
    from lightning_fabric import Fabric

    runner = Fabric(accelerator="cpu", devices=1)
    model: Any = net()
    model, optimizer = runner.setup(model, sgd(model))

    def train(batches: Iterable[Any]) -> None:
        for inputs, targets in batches:
            optimizer.zero_grad()
            runner.backward(cross_entropy(model(inputs.float() / 255), targets))
            optimizer.step()

    return seconds_of_step(train, lambda: Batches(pictures(samples)), samples)


def accelerate(samples: int, folder: Path) -> float:
    """accelerate's documented loop over batches in memory."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model: Any = net()
    model, optimizer = accelerator.prepare(model, sgd(model))

    def train(batches: Iterable[Any]) -> None:
        for inputs, targets in batches:
            optimizer.zero_grad()
            accelerator.backward(cross_entropy(model(inputs.float() / 255), targets))
            optimizer.step()

    return seconds_of_step(train, lambda: Batches(pictures(samples)), samples)


class _WholeBatches(Dataset[Any]):
    """Batches as ``datasets`` hands them out: whole, by ``__getitems__``."""

    def __init__(self, tensors: tuple[Tensor, Tensor]) -> None:
        self.inputs, self.targets = tensors

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.inputs[index], "labels": self.targets[index]}

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        index = torch.tensor(indices)
        return {"inputs": self.inputs.index_select(0, index), "labels": self.targets.index_select(0, index)}


class _WithLoss(nn.Module):
    """The network as HF Trainer wants one: it returns its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.net(inputs.float() / 255)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


def hf_trainer(samples: int, folder: Path) -> float:
    """HF Trainer with whole batches, logging every 50 steps, and nothing that can be switched off."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Clock(TrainerCallback):  # type: ignore[misc]
        began = seconds = 0.0

        def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
            self.began = now()

        def on_train_end(self, *args: Any, **kwargs: Any) -> None:
            self.seconds = now() - self.began

    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=BATCH,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=True,
    )
    model, clock = _WithLoss(), Clock()
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=_WholeBatches(pictures(samples)),
        data_collator=_unchanged,
        optimizers=(sgd(model), None),
        callbacks=[clock],
    )
    trainer.train()
    return clock.seconds / -(-samples // BATCH)


def _unchanged(batch: Any) -> Any:
    return batch
