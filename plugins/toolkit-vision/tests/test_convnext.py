"""ConvNeXt: the same function as torchvision's, feature maps, and drop path."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.convnext import ConvNeXt, ConvNeXtFeatures
from toolkit_vision.drop_path import DropPath, rising
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.convnext import ConvNeXt as Theirs


def test_it_is_the_network_that_torchvision_has() -> None:
    torch.manual_seed(0)
    widths = [8, 16, 24]
    stages = [CNBlockConfig(8, 16, 1), CNBlockConfig(16, 24, 2), CNBlockConfig(24, None, 1)]
    theirs = Theirs(stages, num_classes=5).eval()
    ours = ConvNeXt(5, 3, depths=[1, 2, 1], widths=widths).eval()
    for value in theirs.state_dict().values():
        value.normal_()  # the scales of the blocks are 1e-6, and would hide them
    theirs_by_ours = zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict({name: held.reshape(value.shape) for (name, value), held in theirs_by_ours})
    images = torch.rand(2, 3, 64, 48)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-3, atol=1e-3)


def test_the_tiny_one_is_as_large_as_in_the_paper() -> None:
    with torch.device("meta"):
        model = ConvNeXt(1000, 3)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(28.6, rel=0.01)


def test_maps_of_the_stages_are_as_large_as_it_says() -> None:
    features = ConvNeXtFeatures(1, depths=[1, 1, 1], widths=[4, 8, 12], patch_size=2)
    maps = features(torch.rand(2, 1, 16, 24))
    assert [tuple(each.shape) for each in maps] == [(2, 4, 8, 12), (2, 8, 4, 6), (2, 12, 2, 3)]
    assert (features.channels, features.strides) == ([4, 8, 12], [2, 4, 8])


def test_stages_without_a_width_are_refused() -> None:
    with pytest.raises(ValueError, match="depths has 4 stages, but widths has 3"):
        ConvNeXt(5, 3, widths=[4, 8, 12])


def test_channels_last_changes_nothing() -> None:
    model = ConvNeXt(5, 3, depths=[1, 1], widths=[8, 16]).eval()
    images = torch.rand(2, 3, 32, 32)
    expected = model(images)
    got = model.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected)


def test_drop_path_leaves_whole_samples_out_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.25)
    dropped = drop(torch.ones(8000, 3, 2))
    by_sample = dropped.flatten(1)
    assert torch.equal(by_sample, by_sample[:, :1].expand_as(by_sample))
    assert set(by_sample[:, 0].tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(drop.eval()(dropped), dropped)


def test_drop_path_keeps_half_precision() -> None:
    assert DropPath(0.5)(torch.ones(4, 2, dtype=torch.bfloat16)).dtype is torch.bfloat16


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_is_no_probability_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="drop_path is a probability"):
        ConvNeXt(5, 3, depths=[1], widths=[4], drop_path=rate)


def test_rates_rise_with_depth() -> None:
    assert rising(0.2, 3) == [0.0, 0.1, 0.2]
    assert rising(0.2, 1) == [0.0]
    model = ConvNeXt(5, 3, [2, 1], [4, 8], drop_path=0.5)
    assert [module.rate for module in model.modules() if isinstance(module, DropPath)] == [0.0, 0.25, 0.5]
