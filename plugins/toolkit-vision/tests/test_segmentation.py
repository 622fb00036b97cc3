"""The task of segmentation: what losses and metrics see, pictures, predictions, runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_vision.dice import DiceCrossEntropy
from toolkit_vision.mask_pictures import compared, runs, unrolled, with_mask
from toolkit_vision.segmentation import Segmentation
from torch import Tensor, nn
from torchmetrics.classification import Accuracy, JaccardIndex

from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

FACTS = {"class_names": ["background", "cat", "dog"]}


class Given(nn.Module):
    """Logits that leave no doubt about the class that an image's only channel holds."""

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.one_hot(inputs[:, 0].round().long(), 3).movedim(-1, 1).float() * 50


def measured(metric: Any, images: Tensor, masks: Tensor) -> Tensor:
    task = Segmentation(Given(), nn.CrossEntropyLoss())
    metric.update(*task.predicted(*task.prepared(task(images), masks)))
    value: Tensor = metric.compute()
    return value


def test_mean_iou_by_hand_over_all_images_and_without_what_does_not_count() -> None:
    images = torch.tensor([[[[0.0, 1.0], [1.0, 2.0]]], [[[0.0, 0.0], [2.0, 2.0]]]])
    masks = torch.tensor([[[0, 1], [0, 2]], [[0, 255], [2, 1]]], dtype=torch.uint8)
    # Pixels that count: predicted 0 1 1 2 0 2 2, true 0 1 0 2 0 2 1.
    expected = [2 / 3, 1 / 3, 2 / 3]
    each = measured(JaccardIndex(task="multiclass", num_classes=3, average="none"), images, masks)
    assert each.tolist() == pytest.approx(expected)
    mean = measured(JaccardIndex(task="multiclass", num_classes=3), images, masks)
    assert mean.item() == pytest.approx(sum(expected) / 3)
    assert measured(Accuracy(task="multiclass", num_classes=3), images, masks).item() == pytest.approx(5 / 7)


def test_a_class_that_does_not_occur_is_not_in_the_mean() -> None:
    images = torch.tensor([[[[0.0, 1.0]]]])
    mean = measured(JaccardIndex(task="multiclass", num_classes=3), images, torch.tensor([[[0, 1]]]))
    assert mean.item() == 1


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), DiceCrossEntropy()])
def test_losses_leave_out_what_does_not_count_without_being_told(loss: nn.Module) -> None:
    outputs = torch.randn(2, 3, 4, 4)
    masks = torch.randint(3, (2, 4, 4), dtype=torch.uint8)
    masks[:, 1:] = 255
    task = Segmentation(nn.Identity(), loss)
    cut = loss(outputs[:, :, :1], masks[:, :1].long())
    assert torch.allclose(loss(*task.prepared(outputs, masks)), cut)


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (2, 2, 2), (3, 4, 4)])
def test_masks_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"outputs have the shape \[2, 3, 4, 4\] and masks"):
        Segmentation(nn.Identity(), nn.CrossEntropyLoss()).prepared(torch.zeros(2, 3, 4, 4), torch.zeros(shape))


def test_rows_say_how_much_and_where() -> None:
    images = torch.tensor([[[[0.0, 1.0, 1.0], [1.0, 1.0, 2.0]]]])
    task = Segmentation(Given(), nn.CrossEntropyLoss())
    (row,) = task.rows(task.unlabelled(images), FACTS)
    assert list(row["shares"].items()) == [("cat", 0.666667), ("background", 0.166667), ("dog", 0.166667)]
    assert row["mask"] == {"size": [2, 3], "runs": [0, 1, 1, 4, 2, 1]}
    picture = task.drawn(images[0] / 2, row, FACTS)
    assert picture.shape == (3, 2, 3)
    assert picture.dtype is torch.uint8
    assert torch.equal(picture[:, 0, 0], torch.zeros(3, dtype=torch.uint8)), "the background is not painted"
    assert not torch.equal(picture[0], picture[1])


def test_masks_survive_being_written_down() -> None:
    mask = torch.randint(4, (5, 7))
    assert torch.equal(unrolled(runs(mask)), mask)


@pytest.mark.parametrize("image", [torch.rand(1, 8, 6), torch.randn(3, 8, 6), torch.full((3, 8, 6), 9).byte()])
def test_images_of_all_kinds_are_drawn(image: Tensor) -> None:
    mask = torch.full((4, 3), 255)
    unpainted = with_mask(image, mask)
    mask[1:] = 1
    painted = with_mask(image, mask)
    assert painted.shape == (3, 8, 6)
    assert torch.equal(painted[:, :2], unpainted[:, :2])
    assert not torch.equal(painted[:, 2:], unpainted[:, 2:])
    assert compared(image, torch.zeros(8, 6), torch.ones(8, 6)).shape == (3, 128, 288)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    page = """
# Small scenes.
seed: 1
task: segmentation
dataset: {use: digit_scenes, target: masks, size: 32, train_scenes: 48, val_scenes: 8, test_scenes: 8}
loader: {batch_size: 8}
model: {use: unet, width: 4, depth: 2}
loss: dice_cross_entropy
optimizer: {use: adamw, lr: 0.01}
metrics:
  miou: {use: jaccard_index}
  iou: {use: jaccard_index, average: none}
trainer: {max_epochs: 2, accelerator: cpu}
"""
    path = tmp_path / "scenes.yaml"
    path.write_text(page)
    return str(path)


def test_a_run_leaves_metrics_and_pictures(recipe: str, tmp_path: Path) -> None:
    result = run(load(recipe), root=tmp_path / "runs")
    folder = RunFolder(result.folder)
    metrics = folder.read_json()["metrics"]
    assert 0 < metrics["test/miou"] < 1
    assert metrics["train/loss"] > 0
    assert folder.read_json()["best"]["metric"] == "val/miou"
    assert (folder.plots / "segmentations.png").stat().st_size > 1000


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=8"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert weights(again).keys() == weights(whole).keys()
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())


def weights(folder: RunFolder) -> dict[str, Any]:
    held: dict[str, Any] = torch.load(folder.checkpoints / "epoch-0002.ckpt", weights_only=True)["state_dict"]
    return held
