"""Runs of recipes with transforms: they are found by name, take their facts, and a resumed run is exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.check import resolve
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Everything random at once.
seed: 1
task: classification
dataset: digits
loader: {batch_size: 64}
model: {use: small_cnn, width: 4}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.05}
metrics: {accuracy: {}}
transforms:
  train:
    random_crop: {padding: 1}
    random_flip: {p: 0.5}
    random_resized_crop: {scale: [0.5, 1.0]}
    color_jitter: {brightness: 0.2, contrast: 0.2}
    rand_augment: {num_ops: 1}
    trivial_augment: {}
    random_erasing: {p: 0.3}
    mixup: {p: 0.5}
    cutmix: {p: 0.5}
    mixup_cutmix: {p: 0.5}
    normalize: {mean: 0.3, std: 0.4}
  eval:
    normalize: {mean: 0.3, std: 0.4}
trainer: {max_epochs: 2, accelerator: cpu}
engine: {save: {steps: 5}}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    path = tmp_path / "augmented.yaml"
    path.write_text(RECIPE)
    return str(path)


def test_transforms_are_found_and_take_facts(recipe: str) -> None:
    checked = resolve(load(recipe), Registry.scan())
    assert checked.problems == ()
    wrong = resolve(load(recipe, ["transforms.train.random_flip.direction=diagonal"]), Registry.scan())
    assert len(wrong.problems) == 1


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=7"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert weights(again).keys() == weights(whole).keys()
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())


def weights(folder: RunFolder) -> dict[str, Any]:
    held: dict[str, Any] = torch.load(folder.checkpoints / "epoch-0002.ckpt", weights_only=True)["state_dict"]
    return held
