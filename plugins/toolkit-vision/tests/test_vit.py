"""The vision transformer: the same function as torchvision's, its two poolings, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.digits import digits
from toolkit_vision.vit import ViT
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer

SMALL = {"patch_size": 8, "depth": 2, "width": 16, "heads": 2}


def test_it_is_the_network_that_torchvision_has() -> None:
    torch.manual_seed(0)
    theirs = VisionTransformer(16, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=64, num_classes=5).eval()
    ours = ViT(5, 3, [16, 16], **SMALL).eval()
    for value in theirs.state_dict().values():
        value.normal_()  # class token and head are zero, and would hide the rest
    state = list(theirs.state_dict().values())
    state.insert(1, state.pop(3))  # positions come after the patches there
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)))
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-3, atol=1e-3)


def test_the_default_is_as_large_as_vit_s() -> None:
    with torch.device("meta"):
        model = ViT(1000, 3, [224, 224])
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(22.05, rel=0.01)


@pytest.mark.parametrize("size", [[16, 16], [8, 32]])
def test_the_mean_needs_no_class_token(size: list[int]) -> None:
    with_token, without = (ViT(5, 1, size, pool=pool, **SMALL) for pool in ("class", "mean"))
    patches = size[0] * size[1] // 64
    assert with_token.backbone.positions.shape[1] == patches + 1
    assert without.backbone.positions.shape[1] == patches
    assert without.backbone.class_token is None
    assert without(torch.rand(2, 1, *size)).shape == with_token(torch.rand(2, 1, *size)).shape == (2, 5)


def test_what_it_cannot_be_built_for_is_refused() -> None:
    with pytest.raises(ValueError, match="28x30 pixels cannot be cut into patches of 8x8: set patch_size"):
        ViT(5, 1, [28, 30], **SMALL)
    with pytest.raises(ValueError, match="width=16 cannot be shared by heads=3"):
        ViT(5, 1, [16, 16], **{**SMALL, "heads": 3})


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="built for images of 16x16 pixels and got 16x24"):
        ViT(5, 1, [16, 16], **SMALL)(torch.rand(2, 1, 16, 24))


def test_drop_path_is_for_training_only() -> None:
    torch.manual_seed(0)
    model = ViT(5, 1, [16, 16], drop_path=0.5, **SMALL)
    images = torch.rand(8, 1, 16, 16)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


def test_it_learns_the_digits() -> None:
    torch.manual_seed(0)
    data = digits()
    model = ViT(10, 1, [8, 8], patch_size=2, depth=2, width=64, heads=4, pool="mean")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    images, targets = data.train[0].float() / 255, data.train[1]
    for batch in torch.arange(len(images)).repeat(4).split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), targets[batch]).backward()
        optimizer.step()
    assert data.val is not None
    model.eval()
    assert (model(data.val[0].float() / 255).argmax(1) == data.val[1]).float().mean() > 0.5
