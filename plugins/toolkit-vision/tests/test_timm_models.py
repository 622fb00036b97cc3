"""The bridge to timm: what is said where it is not installed, and the networks where it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from toolkit_vision.timm_models import Timm
from torch import nn

import toolkit
from toolkit.build import BuildError, build
from toolkit.check import resolve

RECIPE = """\
task: classification
dataset: digits
model: {use: timm, arch: resnet18}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
trainer: {max_epochs: 1}
"""
MEAN, STD = (torch.tensor(each).reshape(3, 1, 1) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def test_without_timm_a_recipe_is_told_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    (tmp_path / "timm.yaml").write_text(RECIPE)
    with pytest.raises(BuildError, match="pip install 'toolkit-vision\\[timm\\]'"):
        build(resolve(toolkit.load(str(tmp_path / "timm.yaml")), toolkit.Registry.scan()))


@pytest.mark.parametrize(
    "arch",
    ["resnet18", "convnext_atto", "mobilenetv3_small_050", "vit_tiny_patch16_224", "levit_128s"],
)
@pytest.mark.parametrize("in_channels", [3, 1, 4])
def test_it_gives_logits(arch: str, in_channels: int) -> None:
    pytest.importorskip("timm")
    size = [224, 224] if arch.startswith("levit") else [64, 64]
    model = Timm(arch, 7, in_channels=in_channels, image_size=size)
    assert model(torch.rand(2, in_channels, *size)).shape == (2, 7)


def test_with_random_weights_it_is_timms_own_network() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = timm.create_model("resnet18", num_classes=5).eval()
    torch.manual_seed(0)
    ours = Timm("resnet18", 5, image_size=[64, 64]).eval()
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(ours(images), theirs(images))
    assert isinstance(ours.head, nn.Linear)


def test_pretrained_weights_get_normalised_images(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("convnext_atto").eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    file = {"pretrained_cfg_overlay": {"file": str(tmp_path / "weights.pth")}}
    images = torch.rand(2, 3, 64, 64)
    normalised = (images - MEAN) / STD
    ours = Timm("convnext_atto", 1000, pretrained=True, options=file).eval()
    torch.testing.assert_close(ours(images), theirs(normalised))
    ours = Timm("convnext_atto", 5, in_channels=1, image_size=[64, 64], pretrained=True, options=file).eval()
    assert ours.head.weight.shape == (5, 320)
    torch.testing.assert_close(ours.mean, MEAN)


def test_options_reach_timm() -> None:
    pytest.importorskip("timm")
    model = Timm("convnext_atto", 5, options={"drop_path_rate": 0.5})
    assert any(type(module).__name__ == "DropPath" for module in model.modules())


def test_an_unknown_name_is_told_with_the_nearest_ones() -> None:
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match="^timm has no classification model 'resnet51'. Did you mean 'resnet"):
        Timm("resnet51", 5)


def test_pretrained_weights_refuse_other_channels() -> None:
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match="take images of 3 channels, or grey ones of 1, and these have 4"):
        Timm("resnet18", 5, in_channels=4, pretrained=True)
