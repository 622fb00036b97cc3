"""U-Net and the bridge to torchvision's segmentation networks: shapes, sizes, weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toolkit_vision import torchvision_segmentation
from toolkit_vision.torchvision_segmentation import TorchvisionSegmentation
from toolkit_vision.unet import UNet
from torch import nn
from torchvision.models import get_model_weights


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 16), (33, 20)])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_unet_takes_images_of_any_size(size: tuple[int, int], depth: int) -> None:
    model = UNet(num_classes=5, in_channels=3, width=4, depth=depth)
    assert model(torch.rand(2, 3, *size)).shape == (2, 5, *size)


def test_a_unet_has_the_width_and_depth_asked_for() -> None:
    model = UNet(num_classes=5, in_channels=1, width=6, depth=2)
    convolutions = [each for each in model.modules() if isinstance(each, nn.Conv2d)]
    shapes = [(each.in_channels, each.out_channels) for each in convolutions]
    down = [(1, 6), (6, 6), (6, 12), (12, 12), (12, 24), (24, 24)]
    assert shapes == [*down, (36, 12), (12, 12), (18, 6), (6, 6), (6, 5)]


def test_a_pixel_of_a_unet_sees_what_is_far_away() -> None:
    torch.manual_seed(0)
    model = UNet(num_classes=2, in_channels=1, width=16, depth=3).eval()
    inputs = torch.rand(1, 1, 32, 32, requires_grad=True)
    model(inputs)[0, 0, 16, 16].backward()
    assert inputs.grad is not None
    assert inputs.grad[0, 0, :6].any(), "ten pixels away, where one convolution does not reach"


@pytest.mark.parametrize("arch", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50"])
def test_torchvision_by_name(arch: Any) -> None:
    model = TorchvisionSegmentation(arch, num_classes=4).eval()
    assert model(torch.rand(2, 3, 40, 33)).shape == (2, 4, 40, 33)
    assert {name.partition(".")[0] for name, _ in model.named_parameters()} == {"backbone", "head"}


@pytest.mark.parametrize("channels", [1, 5])
def test_torchvision_takes_other_channels(channels: int) -> None:
    model = TorchvisionSegmentation("lraspp_mobilenet_v3_large", num_classes=4, in_channels=channels).eval()
    assert model(torch.rand(2, channels, 32, 32)).shape == (2, 4, 32, 32)


def test_pretrained_weights_come_with_their_normalisation_and_a_new_head(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = "lraspp_mobilenet_v3_large"
    donor = TorchvisionSegmentation(arch, num_classes=21)
    weights = get_model_weights(arch).DEFAULT  # type: ignore[attr-defined]
    names = {"backbone": "backbone", "head": "classifier"}
    held = {
        f"{names[name.partition('.')[0]]}.{name.partition('.')[2]}": value
        for name, value in donor.state_dict().items()
        if name not in ("mean", "std")
    }
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, *args, **kwargs: held)
    same = TorchvisionSegmentation(arch, num_classes=21, weights="DEFAULT")
    for name, value in same.named_parameters():
        assert torch.equal(value, donor.get_parameter(name)), name
    assert same.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    other = TorchvisionSegmentation(arch, num_classes=4, weights="COCO_WITH_VOC_LABELS_V1").eval()
    assert torch.equal(other.backbone["0"][0].weight, donor.backbone["0"][0].weight)  # type: ignore[index]
    assert other(torch.rand(2, 3, 32, 32)).shape == (2, 4, 32, 32)


def test_weights_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="has no weights 'IMAGENET'; there are COCO_WITH_VOC_LABELS_V1, DEFAULT"):
        TorchvisionSegmentation("lraspp_mobilenet_v3_large", num_classes=4, weights="IMAGENET")
    with pytest.raises(ValueError, match="leave `weights` out for random weights"):
        TorchvisionSegmentation("lraspp_mobilenet_v3_large", num_classes=4, in_channels=5, weights="DEFAULT")

    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr(torchvision_segmentation, "get_model", unreachable)
    with pytest.raises(OSError, match=r"lraspp_mobilenet_v3_large-d234d4ea.pth can also be put into"):
        TorchvisionSegmentation("lraspp_mobilenet_v3_large", num_classes=4, weights="DEFAULT")


def test_the_second_classifier_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = "deeplabv3_mobilenet_v3_large"
    weights = get_model_weights(arch).DEFAULT  # type: ignore[attr-defined]
    from torchvision.models import get_model

    held = get_model(arch, weights=None, weights_backbone=None, num_classes=21, aux_loss=True).state_dict()
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, *args, **kwargs: held)
    model = TorchvisionSegmentation(arch, num_classes=3, weights="DEFAULT")
    model(torch.rand(2, 3, 32, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    last = list(model.head.children())[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.out_channels == 3
