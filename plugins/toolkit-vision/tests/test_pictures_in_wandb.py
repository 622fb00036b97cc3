"""What the tasks draw of their predictions lies under plots/ and in the files that go to W&B."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toolkit_vision.images import read_image

import toolkit
from toolkit.tracking.folder import RunFolder

COMMON = """
seed: 1
loader: {batch_size: 8}
optimizer: {use: adamw, lr: 0.003}
trainer: {max_epochs: 1, accelerator: cpu}
loggers: {wandb: {project: scenes}}
"""
SCENES = "use: digit_scenes, size: 32, train_scenes: 16, val_scenes: 8, test_scenes: 8"
RECIPES = {
    "detections": f"""
# Boxes.
task: detection
dataset: {{{SCENES}}}
model: {{use: centre_detector, width: 8, depth: 1, backbone: {{use: residual_backbone, widths: [8, 8, 8], levels: 2}}}}
metrics: {{map_50: {{use: coco_map, iou: 0.5}}}}
""",
    "segmentations": f"""
# Masks.
task: segmentation
dataset: {{{SCENES}, target: masks}}
model: {{use: unet, width: 4, depth: 2}}
loss: cross_entropy
metrics: {{miou: jaccard_index}}
""",
    "neighbours": """
# Identities.
task: recognition
dataset: {use: held_out_digits, train_scenes: 32, val_scenes: 16, test_scenes: 16}
model: {use: small_cnn, width: 4, num_classes: 8}
loss: triplet
metrics: {recall_at_1: recall_at_k}
""",
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_drawn_predictions_are_the_same_in_both(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    (tmp_path / "scenes.yaml").write_text(RECIPES[name] + COMMON)
    folder = RunFolder(toolkit.run(toolkit.load("./scenes.yaml")).folder)
    drawn = read_image(folder.plots / f"{name}.png")
    assert drawn.float().std() > 10, "there is something to see"
    [sent] = folder.path.glob(f"wandb/*/files/media/images/plots/{name}_*.png")
    assert torch.equal(read_image(sent), drawn)
