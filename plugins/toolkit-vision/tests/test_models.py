"""The models: shapes, sizes, and that they learn."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.digits import digits
from toolkit_vision.mlp import MLP
from toolkit_vision.small_cnn import SmallCNN
from torch import nn


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_classic_mlp() -> None:
    model = MLP(num_classes=10, in_channels=1, image_size=[28, 28])
    assert parameters(model) == 784 * 128 + 128 + 128 * 10 + 10
    assert model(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_an_mlp_takes_images_and_flat_vectors() -> None:
    model = MLP(num_classes=4, in_channels=3, image_size=[5, 6])
    inputs = torch.rand(2, 3, 5, 6)
    assert torch.equal(model(inputs), model(inputs.flatten(1)))


@pytest.mark.parametrize(("hidden", "layers"), [([], 1), (16, 2), ([16], 2), ([32, 16], 3)])
def test_an_mlp_has_the_layers_asked_for(hidden: int | list[int], layers: int) -> None:
    model = MLP(10, 1, [8, 8], hidden=hidden)
    assert sum(isinstance(module, nn.Linear) for module in model.modules()) == layers
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize("model", [MLP(10, 1, [8, 8], dropout=0.5), SmallCNN(10, 1, dropout=0.5)])
def test_dropout_is_for_training_only(model: nn.Module) -> None:
    inputs = torch.rand(4, 1, 8, 8)
    model.eval()
    assert torch.equal(model(inputs), model(inputs))
    model.train()
    assert not torch.equal(model(inputs), model(inputs))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 8), (28, 28), (64, 48)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_small_cnn_takes_images_of_any_size(size: tuple[int, int], channels: int) -> None:
    model = SmallCNN(num_classes=7, in_channels=channels, width=8)
    assert model(torch.rand(2, channels, *size)).shape == (2, 7)


@pytest.mark.parametrize("model", ["mlp", "small_cnn"])
def test_a_model_learns_the_digits(model: str) -> None:
    torch.manual_seed(0)
    data = digits()
    facts = data.facts
    made: nn.Module
    if model == "mlp":
        made = MLP(facts["num_classes"], facts["in_channels"], facts["image_size"], hidden=32)
    else:
        made = SmallCNN(facts["num_classes"], facts["in_channels"], width=8)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    images, targets = data.train[0].float() / 255, data.train[1]
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(made(images), targets)
        loss.backward()
        optimizer.step()
    assert data.val is not None
    made.eval()
    accuracy = (made(data.val[0].float() / 255).argmax(1) == data.val[1]).float().mean().item()
    assert accuracy > 0.9
