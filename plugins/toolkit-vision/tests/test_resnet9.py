"""ResNet-9: as large as the published one, what its stages leave of an image, and that it learns."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.digits import digits
from toolkit_vision.resnet9 import ResNet9
from torch import Tensor, nn


def test_it_is_as_large_as_the_published_one() -> None:
    convolutions = [(3, 64), (64, 128), (128, 128), (128, 128), (128, 256), (256, 512), (512, 512), (512, 512)]
    # Beside each convolution a scale and a shift for every channel; its linear layer has no bias, ours has one.
    published = sum(9 * before * after + 2 * after for before, after in convolutions) + 512 * 10
    assert sum(parameter.numel() for parameter in ResNet9(10, 3).parameters()) == published + 10


@pytest.mark.parametrize(("size", "sides"), [((8, 8), (1, 1)), ((28, 28), (3, 3)), ((32, 40), (4, 5))])
def test_it_takes_images_of_eight_pixels_and_more(size: tuple[int, int], sides: tuple[int, int]) -> None:
    model = ResNet9(5, 2, width=4)
    seen: list[torch.Size] = []

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].shape)

    model.features[-2].register_forward_pre_hook(look)
    assert model(torch.rand(2, 2, *size)).shape == (2, 5)
    assert seen == [(2, 32, *sides)]


def test_channels_last_changes_nothing() -> None:
    model = ResNet9(5, 3, width=8).eval()
    images = torch.rand(2, 3, 16, 16)
    expected = model(images)
    got = model.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected)


def test_it_learns_the_digits() -> None:
    torch.manual_seed(0)
    data = digits()
    model = ResNet9(10, 1, width=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    images, targets = data.train[0].float() / 255, data.train[1]
    for batch in torch.arange(len(images)).repeat(3).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), targets[batch]).backward()
        optimizer.step()
    assert data.val is not None
    model.eval()
    assert (model(data.val[0].float() / 255).argmax(1) == data.val[1]).float().mean() > 0.9
