"""Runs that began with pretrained weights go on, are tested and predict where those weights are not any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from PIL import Image
from toolkit_vision.detection.torchvision_detection import TorchvisionDetection
from toolkit_vision.timm_models import Timm
from toolkit_vision.torchvision_models import Torchvision
from toolkit_vision.torchvision_segmentation import TorchvisionSegmentation
from toolkit_vision.untrained import weights_left_out
from torch import nn
from torchvision.models import get_model, get_model_weights, resnet18

import toolkit
from toolkit.cli import main
from toolkit.runs import resume, retest

Made = Callable[..., nn.Module]
DETECTOR = "fasterrcnn_mobilenet_v3_large_320_fpn"
RECIPE = """\
task: classification
dataset: digits
model: {use: flip_averaged, model: {use: torchvision, arch: mobilenet_v3_small, weights: DEFAULT}}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.01}
metrics: {accuracy: {}}
trainer: {max_epochs: 1, limit_train_batches: 2, limit_val_batches: 1, limit_test_batches: 1, accelerator: cpu}
"""


@pytest.fixture
def weights_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache with made-up weights, as if they had been downloaded; there is no network."""

    def unreachable(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "urlopen", unreachable)
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    for arch in ("mobilenet_v3_small", "lraspp_mobilenet_v3_large", DETECTOR):
        torch.manual_seed(1)
        weights = get_model_weights(arch).DEFAULT
        alone = {} if arch == "mobilenet_v3_small" else {"weights_backbone": None}
        network = get_model(arch, weights=None, num_classes=len(weights.meta["categories"]), **alone)
        torch.save(network.state_dict(), cache / weights.url.rpartition("/")[2])
    return cache


def forget(cache: Path) -> None:
    for file in cache.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        (Torchvision, {"arch": "mobilenet_v3_small", "num_classes": 4}),
        (TorchvisionSegmentation, {"arch": "lraspp_mobilenet_v3_large", "num_classes": 4}),
        (TorchvisionDetection, {"arch": DETECTOR, "num_classes": 4}),
    ],
)
def test_it_is_the_same_network_once_the_checkpoint_is_loaded(
    component: Any, arguments: dict[str, Any], weights_here: Path
) -> None:
    trained = component(**arguments, weights="DEFAULT")
    forget(weights_here)
    with pytest.raises(OSError, match="no route to host"):
        component(**arguments, weights="DEFAULT")
    again = component.untrained(**arguments, weights="DEFAULT")
    assert str(again) == str(trained)
    asked = [{name for name, value in each.named_parameters() if value.requires_grad} for each in (trained, again)]
    assert asked[0] == asked[1]
    again.load_state_dict(trained.state_dict())
    images = torch.rand(2, 3, 64, 64)
    found = [each.eval()(images) for each in (trained, again)]
    if isinstance(found[0], list):
        found = [torch.cat([each["boxes"] for each in boxes]) for boxes in found]
    assert torch.equal(*found)


def test_what_is_built_outside_is_as_before(weights_here: Path) -> None:
    with weights_left_out(), pytest.raises(RuntimeError, match="size mismatch"):
        resnet18(num_classes=2).load_state_dict(resnet18(num_classes=3).state_dict())
    weights = get_model_weights("mobilenet_v3_small").DEFAULT.get_state_dict(progress=False)
    assert torch.equal(
        get_model("mobilenet_v3_small", weights="DEFAULT").state_dict()["features.0.0.weight"],
        weights["features.0.0.weight"],
    )


def test_timm_s_networks_too() -> None:
    pytest.importorskip("timm")
    model = Timm.untrained(arch="resnet18", num_classes=4, pretrained=True)
    assert model.head.weight.shape == (4, 512)


def test_a_run_goes_on_is_tested_and_predicts(
    weights_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tuned.yaml").write_text(RECIPE)
    whole = toolkit.run(toolkit.load("./tuned.yaml", ["trainer.max_epochs=2"]), root=tmp_path / "whole")
    begun = toolkit.run(toolkit.load("./tuned.yaml"))
    forget(weights_here)
    again = resume("last", ["trainer.max_epochs=2"])
    assert again.folder == begun.folder
    assert again.metrics == whole.metrics
    assert retest("last").metrics["test/accuracy"] == again.metrics["test/accuracy"]
    Image.new("L", (8, 8), 200).save(tmp_path / "a.png")
    capsys.readouterr()
    assert main(["predict", "last", "a.png"]) == 0
    assert json.loads(capsys.readouterr().out)["input"] == "a.png"
    # What it began with is still told.
    assert "weights: DEFAULT" in (again.folder / "recipe.yaml").read_text()
