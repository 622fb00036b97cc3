"""Regression: shapes and types on the way from model to loss and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import MeanAbsoluteError, R2Score

from toolkit.tasks.regression import Regression

Trainers = Callable[..., Trainer]
Batches = Callable[..., Any]

VALUES = torch.tensor([1.0, 2.0, 3.0, 5.0])
TARGETS = torch.tensor([1.0, 1.0, 4.0, 4.0])


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (VALUES, TARGETS),
        (VALUES.unsqueeze(1), TARGETS),
        (VALUES, TARGETS.unsqueeze(1)),
        (VALUES.unsqueeze(1), TARGETS.unsqueeze(1)),
        (VALUES, TARGETS.long()),
        (VALUES, TARGETS.double()),
    ],
)
def test_one_number_a_sample(trainer: Trainers, batches: Batches, outputs: torch.Tensor, targets: torch.Tensor) -> None:
    task = Regression(nn.Identity(), nn.MSELoss(), {"mae": MeanAbsoluteError()})
    (result,) = trainer().test(task, batches(outputs, targets, 3), verbose=False)
    assert result == {"test/loss": pytest.approx(0.75), "test/mae": pytest.approx(0.75)}


class Weighted(nn.Module):
    """A model of a dict: a number for each category, and a weight for what is measured."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, 1)
        self.weight = nn.Linear(2, 1)

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        outputs: torch.Tensor = self.table(inputs["category"]) + self.weight(inputs["measured"])
        return outputs


@pytest.mark.parametrize("precision", ["32-true", "bf16-true"])
def test_inputs_in_a_dict(trainer: Trainers, precision: str) -> None:
    torch.manual_seed(0)
    category, measured = torch.randint(3, (64,), dtype=torch.uint8), torch.randn(64, 2)
    batch = ({"category": category.int(), "measured": measured}, category * 2 + measured.sum(1))
    loader = DataLoader([batch], batch_size=None)
    task = Regression(
        Weighted(), nn.MSELoss(), {"r2": R2Score()}, lambda module: torch.optim.SGD(module.parameters(), 0.1)
    )
    fit = trainer(max_epochs=60, precision=precision)
    fit.fit(task, loader, loader)
    assert fit.callback_metrics["val/r2"] > 0.95
    rows = task.float().rows(task.unlabelled(batch[0]), {})
    assert [list(row) for row in rows] == [["prediction"]] * 64


def test_several_numbers_a_sample_learn(trainer: Trainers, batches: Batches) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(64, 3)
    loader = batches(inputs, inputs @ torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    metrics = {"r2": R2Score()}
    task = Regression(nn.Linear(3, 2), nn.MSELoss(), metrics, lambda module: torch.optim.SGD(module.parameters(), 0.1))
    fit = trainer(max_epochs=20)
    fit.fit(task, loader, loader)
    assert fit.callback_metrics["val/r2"] > 0.99


@pytest.mark.parametrize("shape", [(4, 2), (3,), (4, 1, 1)])
def test_shapes_that_torch_would_broadcast_are_told(trainer: Trainers, shape: tuple[int, ...]) -> None:
    task = Regression(nn.Identity(), nn.MSELoss())
    with pytest.raises(ValueError) as caught:
        trainer().test(task, DataLoader([(torch.zeros(shape), TARGETS)], batch_size=None), verbose=False)
    assert str(caught.value) == f"outputs have the shape {list(shape)}, but targets [4]"
