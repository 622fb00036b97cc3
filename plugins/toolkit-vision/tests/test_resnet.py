"""ResNet: the same function as torchvision's, the small family, feature maps, and how blocks begin."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.digits import digits
from toolkit_vision.resnet import BLOCKS, Depth, ResNet, ResNetFeatures
from torch import Tensor, nn
from torchvision.models import get_model


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def scrambled(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model with random numbers in it: the last scales of blocks are zero, and would hide the rest."""
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.0)
    return model.state_dict()


@pytest.mark.parametrize("depth", [18, 50])
def test_it_is_the_network_that_torchvision_has(depth: Depth) -> None:
    torch.manual_seed(0)
    ours, theirs = ResNet(7, 3, depth).eval(), get_model(f"resnet{depth}", num_classes=7).eval()
    state = scrambled(theirs)
    ours.load_state_dict(dict(zip(ours.state_dict(), state.values(), strict=True)))
    images = torch.rand(2, 3, 64, 48)
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_the_family_for_cifar_is_as_large_as_in_the_paper(depth: Depth, millions: float) -> None:
    assert parameters(ResNet(10, 3, depth)) / 1e6 == pytest.approx(millions, rel=0.03)


@pytest.mark.parametrize("depth", [depth for depth in BLOCKS if depth not in (101, 152)])
def test_maps_of_the_stages_are_as_large_as_it_says(depth: Depth) -> None:
    features = ResNetFeatures(1, depth, width=4)
    maps = features(torch.rand(2, 1, 64, 96))
    assert len(maps) == len(features.stages) == len(BLOCKS[depth])
    for each, channels, stride in zip(maps, features.channels, features.strides, strict=True):
        assert each.shape == (2, channels, 64 // stride, 96 // stride)


def test_the_stem_is_the_depths_own_or_the_one_asked_for() -> None:
    assert ResNetFeatures(3, 18).strides == [4, 8, 16, 32]
    assert ResNetFeatures(3, 18, stem="cifar").strides == [1, 2, 4, 8]
    assert ResNetFeatures(3, 20).strides == [1, 2, 4]
    assert ResNetFeatures(3, 20, stem="imagenet").strides == [4, 8, 16]


@pytest.mark.parametrize("depth", [20, 50])
def test_blocks_begin_as_identities(depth: Depth) -> None:
    block = ResNetFeatures(3, depth, width=4).stages[0][1]
    inputs = torch.rand(2, 4 if depth == 20 else 16, 5, 5)
    assert torch.equal(block(inputs), inputs)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (33, 47)])
def test_it_takes_images_of_any_size(size: tuple[int, int]) -> None:
    assert ResNet(5, 2, 18, width=4).eval()(torch.rand(2, 2, *size)).shape == (2, 5)


def test_channels_last_changes_nothing() -> None:
    model = ResNet(5, 3, 18, stem="cifar", width=8).eval()
    images = torch.rand(2, 3, 16, 16)
    expected = model(images)
    got = model.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected)


def test_it_learns_the_digits() -> None:
    torch.manual_seed(0)
    data = digits()
    model = ResNet(10, 1, 20, width=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    images, targets = data.train[0].float() / 255, data.train[1]
    for batch in torch.arange(len(images)).repeat(3).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), targets[batch]).backward()
        optimizer.step()
    assert data.val is not None
    model.eval()
    assert (model(data.val[0].float() / 255).argmax(1) == data.val[1]).float().mean() > 0.9
