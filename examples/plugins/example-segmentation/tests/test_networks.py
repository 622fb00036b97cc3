"""Networks of another library: their own arguments checked, two filled from the data, trained and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.registry import Component, Registry, load

NETWORKS = (
    *("smp_deeplabv3plus", "smp_fpn", "smp_linknet", "smp_manet"),
    *("smp_segformer", "smp_unet", "smp_unetplusplus"),
)


@pytest.fixture
def network() -> Callable[[str], Component]:
    registry = Registry.scan()
    return lambda name: load(registry.find("model", name))


@pytest.mark.parametrize("name", NETWORKS)
def test_it_gives_every_pixel_a_class(name: str, network: Callable[[str], Component]) -> None:
    model = network(name).target(num_classes=5, in_channels=1, encoder_name="resnet18").eval()
    with torch.no_grad():
        assert model(torch.rand(2, 1, 64, 64)).shape == (2, 5, 64, 64)


def test_all_networks_are_tried_here() -> None:
    (plugin,) = (plugin for plugin in Registry.scan().plugins if plugin.distribution == "example-segmentation")
    assert sorted(entry.name for entry in plugin.entries if entry.kind == "model") == sorted(NETWORKS)


def test_weights_that_a_checkpoint_replaces_are_not_downloaded(
    network: Callable[[str], Component], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = network("smp_unet").target.untrained(num_classes=2, encoder_name="resnet18", encoder_weights="imagenet")
    assert made.segmentation_head[0].out_channels == 2


def test_arguments_are_the_network_s_own(toolkit: Any) -> None:
    wrong = ["model.encoder_nme=resnet18", "model.encoder_depth=deep", "model.classes=3"]
    done = toolkit("check", "segmentation/digit-masks", *wrong)
    assert done.code == 2
    assert "smp_unet has no argument 'encoder_nme'. Did you mean 'encoder_name'?" in done.err
    assert "model.encoder_depth: expected a whole number, got the text 'deep'" in done.err
    assert "smp_unet has no argument 'classes'. Did you mean 'num_classes'?" in done.err


def test_what_is_shown_is_the_library_s_own_documentation(toolkit: Any) -> None:
    done = toolkit("show", "smp_unet")
    assert done.code == 0
    assert "is a fully convolutional neural network architecture" in done.out
    shown = " ".join(done.out.split())
    assert "A number of classes for output mask" in shown
    assert "num_classes" in shown


def test_another_network_is_one_word(toolkit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    weights = "encoder_weights: imagenet"  # which nothing could download here
    model = f"model={{use: smp_fpn, encoder_name: resnet18, {weights}}}"
    done = toolkit("check", "segmentation/digit-masks", model, "--deep")
    assert done.code == 0, done.out + done.err
    assert "(2, 11, 64, 64)" in done.out
    assert "unused       none" in done.out


def test_the_commands_of_the_readme_run(toolkit: Any, readme: list[list[str]]) -> None:
    for command in readme:
        done = toolkit(*command)
        assert done.code == 0, done.out + done.err
    (page,) = Path("runs").glob("segmentation/digit-masks/*/recipe.yaml")
    text = page.read_text()
    assert "use: example-segmentation/smp_unet" in text
    assert "num_classes: 11" in text
