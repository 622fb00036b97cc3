"""The task of recognition, the digits it trains on, and runs with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_vision.held_out_digits import held_out_digits
from toolkit_vision.neighbour_pictures import OTHER, SAME, neighbours
from toolkit_vision.recognition import Recognition
from toolkit_vision.triplet import Triplet
from torch import nn

from toolkit.check import resolve
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Digits that are in one split only.
seed: 1
task: recognition
dataset: {use: held_out_digits, train_scenes: 384, val_scenes: 64, test_scenes: 64}
loader: {batch_size: 64}
model: {use: small_cnn, width: 4, num_classes: 8}
loss: {use: arcface, embedding_size: "${model.num_classes}", scale: 16}
optimizer: {use: adamw, lr: 0.01}
metrics:
  recall_at_1: {use: recall_at_k}
  verification: {use: verification_accuracy, pairs: 400}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    path = tmp_path / "faces.yaml"
    path.write_text(RECIPE)
    return str(path)


def test_no_digit_is_in_two_splits() -> None:
    data = held_out_digits(train_scenes=400, val_scenes=50, test_scenes=60)
    names = data.facts["class_names"]
    shown = [{names[number][0] for number in targets.tolist()} for _, targets in (data.train, data.val, data.test)]
    assert shown == [set("23457"), set("01"), set("689")]
    assert set(data.train[1].tolist()) == set(range(40))
    assert data.facts["num_identities"] == 40
    assert "num_classes" not in data.facts
    assert [images.shape[1:] for images, _ in (data.train, data.val, data.test)] == [(1, 32, 32)] * 3
    assert len(data.val[0]) == len(data.val[1]) > 45


def test_the_same_seed_gives_the_same_scenes() -> None:
    torch.manual_seed(1)
    first = held_out_digits(train_scenes=8, val_scenes=8, test_scenes=8)
    torch.manual_seed(2)
    again = held_out_digits(train_scenes=16, val_scenes=8, test_scenes=8)
    other = held_out_digits(train_scenes=8, val_scenes=8, test_scenes=8, scene_seed=1)
    assert torch.equal(first.test[0], again.test[0])
    assert not torch.equal(first.test[0], other.test[0])


def test_identities_are_numbered_through_the_splits() -> None:
    data = held_out_digits(train=[7, 3], val=[0, 9], test=[1, 2, 4], train_scenes=100, val_scenes=9, test_scenes=9)
    names = data.facts["class_names"]
    assert names[:4] == ["7", "3", "7 turned 1", "3 turned 1"]
    assert names[16:] == ["0", "9", "1", "2", "4"]
    assert data.facts["num_identities"] == 16


@pytest.mark.parametrize(
    "digits_of", [{"val": [4, 5]}, {"test": [6, 8, 10]}, {"train": [2, 2]}, {"val": []}, {"test": [6]}]
)
def test_splits_that_make_no_sense_are_refused(digits_of: dict[str, list[int]]) -> None:
    with pytest.raises(ValueError, match="digits|split"):
        held_out_digits(**digits_of)


def test_embeddings_have_the_length_one() -> None:
    task = Recognition(nn.Identity(), Triplet())
    embeddings, identities = task.prepared(3 * torch.randn(5, 4), torch.arange(5, dtype=torch.uint8))
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(5))
    assert identities.dtype is torch.int64
    (row, *_) = task.rows((torch.tensor([[3.0, 4.0]]), torch.zeros(1)), {})
    assert row == {"embedding": [0.6, 0.8]}
    with pytest.raises(ValueError, match=r"embeddings are \(batch, features\)"):
        task.prepared(torch.randn(5, 4, 1), torch.arange(5))


@pytest.mark.parametrize("image", [torch.rand(5, 1, 8, 8), torch.randn(5, 3, 200, 100), torch.zeros(5, 3, 9, 9).byte()])
def test_neighbours_are_framed_by_whether_they_are_the_same(image: torch.Tensor) -> None:
    embeddings = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0.3]]))
    picture = neighbours(image, embeddings, torch.tensor([0, 0, 1, 1, 1]))
    assert picture.dtype is torch.uint8
    height = round(88 * min(1, image.shape[2] / max(image.shape[2:])))
    top = picture[:, 6 : 6 + height + 8]  # of the first image: its neighbours are 1, 4, 3, 2
    frames = [tuple(colour.tolist()) for colour in top[:, 1].T]
    seen = [colour for place, colour in enumerate(frames) if colour in (SAME, OTHER) and frames[place - 1] != colour]
    assert seen == [SAME, OTHER, OTHER, OTHER]


def test_a_run_measures_identities_that_it_has_not_trained_on(recipe: str, tmp_path: Path) -> None:
    folder = RunFolder(run(load(recipe), root=tmp_path / "runs").folder)
    record = folder.read_json()
    measured = {f"{split}/{metric}" for split in ("val", "test") for metric in ("recall_at_1", "verification")}
    assert set(record["metrics"]) == {"train/loss", *measured}
    assert record["best"]["metric"] == "val/recall_at_1"
    assert 0 < record["metrics"]["test/recall_at_1"] < 1
    assert (folder.plots / "neighbours.png").stat().st_size > 1000


def test_the_centres_are_trained_and_saved(recipe: str, tmp_path: Path) -> None:
    folder = RunFolder(run(load(recipe), root=tmp_path / "runs").folder)
    first, second = (weights(folder, epoch)["loss.centres"] for epoch in (1, 2))
    assert first.shape == (40, 8)
    assert not torch.equal(first, second)


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=8"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert weights(again).keys() == weights(whole).keys()
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())


def test_metrics_of_torchmetrics_and_a_loss_on_val_are_refused(recipe: str) -> None:
    accuracy = resolve(load(recipe, ["metrics.accuracy={}"]), Registry.scan()).problems
    assert len(accuracy) == 1
    assert "cannot feed accuracy" in str(accuracy[0])
    loss = resolve(load(recipe, ["expect.val/loss=< 1"]), Registry.scan()).problems
    assert "recognition does not log 'val/loss'" in str(loss[0])


def weights(folder: RunFolder, epoch: int = 2) -> dict[str, Any]:
    held: dict[str, Any] = torch.load(folder.checkpoints / f"epoch-{epoch:04}.ckpt", weights_only=True)["state_dict"]
    return held
