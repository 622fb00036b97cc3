"""The task of detection and COCO's metric: what models and metrics get, pictures, predictions, runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_vision.detection.coco_map import CocoMap
from toolkit_vision.detection.pictures import gallery, with_boxes
from toolkit_vision.detection.task import Detection, each_image
from torch import Tensor, nn

from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

BOXES = torch.tensor([[[2.0, 2, 10, 12], [20, 20, 30, 28]], [[5, 6, 25, 26], [0, 0, 0, 0]]])
LABELS = torch.tensor([[0, 2], [1, -1]])


def batch() -> dict[str, Tensor]:
    images = torch.arange(2 * 32 * 32).reshape(2, 1, 32, 32).remainder(256).to(torch.uint8)
    return {"images": images, "boxes": BOXES, "labels": LABELS}


class Remembers(nn.Module):
    """Keeps what it was called with; says it found what it was told to."""

    def __init__(self, found: list[dict[str, Tensor]] | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.found = found
        self.given: Any = None

    def forward(self, images: Tensor, targets: Any = None) -> Any:
        self.given = images, targets
        if self.training:
            return {"loss_box": self.weight * 3, "loss_class": self.weight / 2}
        return self.found


class Padded(Remembers):
    padded_targets = True


def truth(scores: float = 1.0) -> list[dict[str, Tensor]]:
    rows = each_image({"boxes": BOXES, "labels": LABELS})
    return [{**row, "scores": torch.full((len(row["labels"]),), scores)} for row in rows]


def test_a_model_of_torchvision_s_contract_gets_floats_and_each_image_s_boxes() -> None:
    task = Detection(Remembers())
    computed = task.computed(batch())
    images, targets = task.model.given
    assert torch.equal(images, batch()["images"].float() / 255)
    assert [each["labels"].tolist() for each in targets] == [[0, 2], [1]]
    assert torch.equal(targets[1]["boxes"], BOXES[1, :1])
    assert computed.loss.item() == 7
    assert computed.samples == 2


def test_a_model_that_wants_it_gets_the_whole_batch_s_boxes_and_crowds_are_left_out() -> None:
    task = Detection(Padded())
    task.computed({**batch(), "crowds": torch.tensor([[False, True], [False, False]])})
    _, targets = task.model.given
    assert torch.equal(targets["boxes"], BOXES)
    assert targets["labels"].tolist() == [[0, -1], [1, -1]]


@pytest.mark.parametrize("wrong", [(torch.zeros(1), torch.zeros(1)), {"images": torch.zeros(1)}, None])
def test_other_batches_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="a batch is a dict with images, boxes and labels"):
        Detection(Remembers()).computed(wrong)


@pytest.mark.parametrize("iou", [None, 0.5, 0.9])
def test_perfect_predictions_have_a_precision_of_1(iou: float | None) -> None:
    metric = CocoMap(iou)
    metric.update(truth(), each_image({"boxes": BOXES, "labels": LABELS}))
    assert metric.compute().item() == pytest.approx(1)


def test_precision_by_hand() -> None:
    # One class, two true boxes. The most certain box finds one, the second nothing, the third overlaps by 8 of 10.
    target = [{"boxes": torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]]), "labels": torch.tensor([0, 0])}]
    found = [
        {
            "boxes": torch.tensor([[20.0, 0, 30, 8], [0, 0, 10, 10], [50, 50, 60, 60]]),
            "scores": torch.tensor([0.5, 0.9, 0.7]),
            "labels": torch.tensor([0, 0, 0]),
        }
    ]

    def precision(iou: float | None) -> float:
        metric = CocoMap(iou)
        metric.update(found, target)
        return float(metric.compute())

    # Recall 0 to 0.5 at precision 1 (51 of 101 points), up to 1 at 2/3; above an IoU of 0.8 the second is never found.
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert precision(0.5) == pytest.approx(both, abs=1e-4)
    assert precision(0.85) == pytest.approx(one, abs=1e-4)
    assert one < precision(None) < both


def test_a_crowd_need_not_be_found_and_may_be() -> None:
    metric = CocoMap(0.5)
    target = [{"boxes": BOXES[0], "labels": torch.tensor([0, 0]), "iscrowd": torch.tensor([0, 1])}]
    metric.update([{"boxes": BOXES[0], "scores": torch.tensor([0.4, 0.9]), "labels": torch.tensor([0, 0])}], target)
    assert metric.compute().item() == pytest.approx(1)


def test_batches_after_each_other_are_as_one_and_without_anything_true_there_is_no_precision() -> None:
    whole, parts = CocoMap(), CocoMap()
    target = each_image({"boxes": BOXES, "labels": LABELS})
    found = [{**each, "boxes": each["boxes"] + 1} for each in truth()]
    whole.update(found, target)
    for one in range(2):
        parts.update(found[one : one + 1], target[one : one + 1])
    assert 0 < whole.compute() == parts.compute() < 1
    empty = CocoMap()
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    empty.update([{**nothing, "scores": torch.zeros(0)}], [nothing])
    assert empty.compute() == -1


def test_rows_name_what_was_found_the_most_certain_first() -> None:
    found = {"boxes": BOXES[0], "scores": torch.tensor([0.25, 0.87654]), "labels": torch.tensor([2, 0])}
    nothing = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}
    task = Detection(Remembers([found, nothing])).eval()
    rows = task.rows(task.unlabelled(batch()["images"]), {"class_names": ["cat", "dog"]})
    assert rows == [
        {
            "objects": [
                {"label": "cat", "score": 0.8765, "box": [20.0, 20.0, 30.0, 28.0]},
                {"label": "2", "score": 0.25, "box": [2.0, 2.0, 10.0, 12.0]},
            ]
        },
        {"objects": []},
    ]
    drawn = [task.drawn(batch()["images"][0], row, {}) for row in rows]
    assert drawn[0].shape == (3, 320, 320)
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("image", [torch.rand(1, 40, 20), torch.randn(3, 400, 640), torch.zeros(3, 9, 9).byte()])
def test_images_of_all_kinds_are_drawn_side_by_side(image: Tensor) -> None:
    found = {"boxes": BOXES[0], "scores": torch.tensor([0.9, 0.1]), "labels": torch.tensor([0, 7])}
    pictures = [with_boxes(image, found, {"boxes": BOXES[1]}, ["cat"], limit) for limit in (0.0, 0.5, 0.95)]
    assert max(pictures[0].shape[1:]) == 320
    sheet = gallery([*pictures, *pictures])
    assert sheet.dtype is torch.uint8
    assert sheet.shape[0] == 3
    assert sheet.shape[2] > 4 * pictures[0].shape[2]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    page = """
# Small scenes.
seed: 1
task: detection
dataset: {use: digit_scenes, size: 32, train_scenes: 48, val_scenes: 8, test_scenes: 8}
loader: {batch_size: 8}
model: {use: centre_detector, width: 8, depth: 1, backbone: {use: residual_backbone, widths: [8, 8, 8], levels: 2}}
optimizer: {use: adamw, lr: 0.003}
metrics:
  map_50: {use: coco_map, iou: 0.5}
  map: coco_map
trainer: {max_epochs: 2, accelerator: cpu, log_every_n_steps: 4}
"""
    path = tmp_path / "scenes.yaml"
    path.write_text(page)
    return str(path)


def test_a_run_leaves_metrics_and_pictures_and_takes_the_fast_path(recipe: str, tmp_path: Path) -> None:
    result = run(load(recipe), root=tmp_path / "runs")
    folder = RunFolder(result.folder)
    record = folder.read_json()
    metrics = record["metrics"]
    parts = [metrics[f"train/loss/{part}"] for part in ("classification", "box", "centreness")]
    assert metrics["train/loss"] == pytest.approx(sum(parts), rel=1e-4)
    assert {"val/map", "val/map_50", "test/map", "test/map_50"} <= metrics.keys()
    assert "val/loss" not in metrics
    assert "train/map" not in metrics
    assert record["best"]["metric"] == "val/map_50"
    assert record["loop"]["path"] == "fast"
    assert (folder.plots / "detections.png").stat().st_size > 1000


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
