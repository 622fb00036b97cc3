"""The bridge to torchvision: every architecture, pretrained weights (from files made here), and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision
from toolkit_vision.torchvision_models import Torchvision
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models, vision_transformer

ARCHS = list_models(module=torchvision.models)
FAMILIES = sorted({re.match(r"[a-z]+(_v\d)?", arch)[0]: arch for arch in reversed(ARCHS)}.values())
"""One architecture of each family."""
LIGHT = ["densenet121", "efficientnet_b0", "mnasnet0_5", "mobilenet_v3_small", "resnet18", "squeezenet1_1"]
MEAN, STD = (torch.tensor(each).reshape(3, 1, 1) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


@pytest.fixture
def weights_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes random weights of an architecture lie in torch's cache, as if they had been downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def put(arch: str, **options: Any) -> nn.Module:
        torch.manual_seed(1)
        network = get_model(arch, weights=None, **options)
        for name, value in network.state_dict().items():
            if name.endswith("running_mean"):
                value.uniform_(-0.1, 0.1)
        folder = tmp_path / "hub" / "checkpoints"
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), folder / get_model_weights(arch).DEFAULT.url.rpartition("/")[2])
        return network.eval()

    return put


def check(arch: str, in_channels: int = 3) -> None:
    # RegNet's widths are computed with tensors, which have to hold something.
    with torch.device("cpu" if arch.startswith("regnet") else "meta"):
        model = Torchvision(arch, num_classes=7, in_channels=in_channels, image_size=[224, 224])
        # Training, because that is where auxiliary classifiers would show.
        assert model(torch.empty(2, in_channels, 224, 224)).shape == (2, 7)
    assert not any(1000 in value.shape for value in model.parameters() if value.dim() < 2), "a classifier was left"
    if arch.startswith("squeezenet"):
        assert isinstance(model.head, nn.Identity), "a ReLU and a pooling come after it"
    else:
        assert isinstance(model.head, nn.Linear)
        assert model.head.out_features == 7


def test_the_families_are_all_there() -> None:
    assert len(FAMILIES) >= 15
    assert len(ARCHS) >= 80


@pytest.mark.parametrize("arch", FAMILIES)
def test_every_family_gives_logits(arch: str) -> None:
    check(arch)


@pytest.mark.parametrize("in_channels", [1, 2, 5])
@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "vit_b_16", "inception_v3"])
def test_images_have_any_number_of_channels(arch: str, in_channels: int) -> None:
    check(arch, in_channels)


@pytest.mark.slow
@pytest.mark.parametrize("arch", sorted(set(ARCHS) - set(FAMILIES)))
def test_every_architecture_gives_logits(arch: str) -> None:
    check(arch)


@pytest.mark.parametrize("arch", LIGHT)
def test_with_random_weights_it_is_torchvisions_own_network(arch: str) -> None:
    torch.manual_seed(0)
    theirs = get_model(arch, weights=None, num_classes=5).eval()
    torch.manual_seed(0)
    ours = Torchvision(arch, num_classes=5, image_size=[64, 64]).eval()
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(ours(images), theirs(images))


def test_building_it_draws_no_more_random_numbers_than_torchvision() -> None:
    torch.manual_seed(0)
    get_model("mobilenet_v3_small", weights=None, num_classes=5)
    expected = torch.rand(1)
    torch.manual_seed(0)
    model = Torchvision("mobilenet_v3_small", num_classes=5)
    assert torch.equal(torch.rand(1), expected)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("arch", ["mobilenet_v3_small", "squeezenet1_1"])
def test_pretrained_weights_get_normalised_images_and_keep_their_own_classes(weights_here: Any, arch: str) -> None:
    theirs = weights_here(arch)
    images = torch.rand(2, 3, 64, 64)
    ours = Torchvision(arch, num_classes=1000, weights="DEFAULT").eval()
    torch.testing.assert_close(ours(images), theirs((images - MEAN) / STD))


def test_pretrained_weights_get_a_new_head_for_other_classes(weights_here: Any) -> None:
    theirs = weights_here("mobilenet_v3_small")
    ours = Torchvision("mobilenet_v3_small", num_classes=4, weights="IMAGENET1K_V1").eval()
    theirs.classifier[-1] = nn.Identity()
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(ours.backbone((images - MEAN) / STD), theirs((images - MEAN) / STD))
    assert ours.head.weight.shape == (4, 1024)
    assert ours(images).shape == (2, 4)


def test_a_grey_image_is_one_with_three_equal_channels(weights_here: Any) -> None:
    weights_here("mobilenet_v3_small")
    torch.manual_seed(0)
    grey = Torchvision("mobilenet_v3_small", 4, in_channels=1, weights="DEFAULT").eval()
    torch.manual_seed(0)
    coloured = Torchvision("mobilenet_v3_small", 4, in_channels=3, weights="DEFAULT").eval()
    images = torch.rand(2, 1, 64, 64)
    assert torch.equal(grey(images), coloured(images.expand(-1, 3, -1, -1)))


def test_googlenets_images_are_normalised_as_its_weights_want_them(weights_here: Any) -> None:
    weights_here("googlenet", aux_logits=True, init_weights=False)
    theirs = get_model("googlenet", weights="DEFAULT").eval()
    ours = Torchvision("googlenet", num_classes=1000, weights="DEFAULT").eval()
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs((images - MEAN) / STD), rtol=1e-4, atol=1e-5)
    assert ours.train()(images).shape == (2, 1000)


def test_checkpoints_can_be_loaded_without_the_pretrained_weights(weights_here: Any) -> None:
    weights_here("mobilenet_v3_small")
    trained = Torchvision("mobilenet_v3_small", 4, weights="DEFAULT").eval()
    again = Torchvision("mobilenet_v3_small", 4).eval()
    again.load_state_dict(trained.state_dict())
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(again(images), trained(images))


def test_a_vit_is_built_for_the_images_and_its_positions_are_interpolated(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = vision_transformer.VisionTransformer
    few = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 16}
    monkeypatch.setattr(vision_transformer, "VisionTransformer", lambda **options: whole(**{**options, **few}))
    held = get_model("vit_b_32", weights=None).state_dict()
    weights = get_model_weights("vit_b_32").DEFAULT
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *_, **__: held)
    model = Torchvision("vit_b_32", 4, image_size=[64, 64], weights="DEFAULT").eval()
    theirs, ours = held["encoder.pos_embedding"], model.backbone.encoder.pos_embedding
    assert ours.shape == (1, 1 + 2 * 2, 16)
    # The class's own, and the corners, which lie where they did.
    assert torch.equal(ours[:, 0], theirs[:, 0])
    torch.testing.assert_close(ours[0, [1, 2, 3, 4]], theirs[0, [1, 7, 43, 49]])
    assert model(torch.rand(1, 3, 64, 64)).shape == (1, 4)
    assert torch.equal(Torchvision("vit_b_32", 4, weights="DEFAULT").backbone.encoder.pos_embedding, theirs)


def test_a_network_of_one_image_size_takes_that_of_the_data() -> None:
    with torch.device("meta"):
        assert Torchvision("vit_b_16", 4, image_size=[32, 32]).backbone.encoder.pos_embedding.shape[1] == 5
        assert Torchvision("maxvit_t", 4, image_size=[448, 448])(torch.empty(1, 3, 448, 448)).shape == (1, 4)
    with pytest.raises(ValueError, match="vit_b_16 takes square images, not such of 32x64 pixels"):
        Torchvision("vit_b_16", 4, image_size=[32, 64])


@pytest.mark.parametrize("arch", ["alexnet", "densenet121"])
def test_images_that_are_too_small_are_refused_when_it_is_built(arch: str) -> None:
    with pytest.raises(ValueError, match=f"^{arch} cannot take images of 8x8 pixels: ."):
        Torchvision(arch, num_classes=10, in_channels=1, image_size=[8, 8])


def test_options_reach_torchvision() -> None:
    assert Torchvision("mobilenet_v3_small", 4, options={"dropout": 0.7}).backbone.classifier[2].p == 0.7
    with pytest.raises(TypeError, match="dropot"):
        Torchvision("squeezenet1_1", 4, options={"dropot": 0.7})


def test_an_unknown_name_is_told_with_the_nearest_ones() -> None:
    with pytest.raises(
        ValueError, match=r"^torchvision has no classification model 'resnet51'. Did you mean 'resnet50'"
    ):
        Torchvision("resnet51", 4)
    with pytest.raises(ValueError, match="no classification model 'fcn_resnet50'"):
        Torchvision("fcn_resnet50", 4)


@pytest.mark.parametrize(
    ("arch", "weights", "message"),
    [
        ("resnet50", "IMAGENET1K_V3", "resnet50 has no weights 'IMAGENET1K_V3'; did you mean 'IMAGENET1K_V"),
        ("resnet50", "best", "resnet50 has no weights 'best'; there are IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT"),
        ("vgg16", "IMAGENET1K_FEATURES", "are without a classifier; there are IMAGENET1K_V1"),
    ],
)
def test_weights_that_cannot_be_used_are_told_with_those_that_can(arch: str, weights: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Torchvision(arch, 4, weights=weights)


def test_pretrained_weights_refuse_other_channels() -> None:
    with pytest.raises(ValueError, match="take images of 3 channels, or grey ones of 1, and these have 4"):
        Torchvision("resnet18", 4, in_channels=4, weights="DEFAULT")


def test_without_a_network_it_says_which_file_belongs_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", unreachable)
    with pytest.raises(OSError, match="no route to host") as caught:
        Torchvision("resnet18", 4, weights="DEFAULT")
    assert "resnet18-f37072fd.pth" in str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints") in str(caught.value)
