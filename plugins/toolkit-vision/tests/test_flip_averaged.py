"""A model that is asked twice in evaluation, also as a recipe names it."""

from __future__ import annotations

from pathlib import Path

import torch
from toolkit_vision.flip_averaged import FlipAveraged
from torch import nn

import toolkit

RECIPE = """\
task: classification
dataset: digits
model: {use: flip_averaged, model: {use: small_cnn, width: 4}, freeze: model.features.0}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 1, limit_train_batches: 2, accelerator: cpu, enable_progress_bar: false}
"""


def test_it_averages_in_evaluation_only() -> None:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Flatten(), nn.Linear(2 * 4 * 5, 3))
    model = FlipAveraged(inner)
    images = torch.rand(6, 2, 4, 5)
    assert torch.equal(model(images), inner(images))
    model.eval()
    torch.testing.assert_close(model(images), (inner(images) + inner(images.flip(3))) / 2)
    torch.testing.assert_close(model(images), model(images.flip(3)))


def test_a_recipe_puts_a_model_into_it(tmp_path: Path) -> None:
    (tmp_path / "flip.yaml").write_text(RECIPE)
    result = toolkit.run(toolkit.load(str(tmp_path / "flip.yaml")), root=tmp_path / "runs")
    assert isinstance(result.model, FlipAveraged)
    # Its classes and channels came from the data.
    assert result.model.model.head.out_features == 10
    frozen = {name for name, value in result.model.named_parameters() if not value.requires_grad}
    assert frozen == {f"model.features.0.{name}" for name in ("0.weight", "1.weight", "1.bias")}
    assert result.status == "finished"
