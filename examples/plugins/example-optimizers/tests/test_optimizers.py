"""Classes of another library, named by nothing but entry points: found, checked, shown, trained with, resumed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from toolkit.registry import Component, Registry, load
from toolkit.tracking.folder import list_runs

NAMES = (
    *("adabelief", "adan", "ademamix", "adopt", "came", "lamb"),
    *("lion", "mars", "prodigy", "soap", "stable_adamw", "tiger"),
)


@pytest.fixture
def component() -> Callable[[str], Component]:
    registry = Registry.scan()
    return lambda name: load(registry.find("optimizer", name))


def test_the_distribution_holds_no_python(installed: Path) -> None:
    (metadata,) = installed.glob("example_optimizers-*.dist-info")
    files = [row[0] for row in csv.reader(io.StringIO((metadata / "RECORD").read_text()))]
    assert "example_optimizers/optimizers/digits-lion.yaml" in files
    assert not [name for name in files if name.endswith(".py")]


def test_every_name_is_offered_and_nothing_is_wrong(toolkit: Any) -> None:
    (plugin,) = (plugin for plugin in Registry.scan().plugins if plugin.distribution == "example-optimizers")
    assert sorted(entry.name for entry in plugin.entries) == sorted(NAMES)
    shown = toolkit("plugins")
    assert shown.code == 0
    assert "12 optimizers, recipes" in shown.out
    assert "example-optimizers: " not in shown.out + shown.err


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_down_a_bowl(name: str, component: Callable[[str], Component]) -> None:
    weight = nn.Parameter(torch.tensor([[3.0, -2.0], [1.0, 4.0]]))
    optimizer = component(name).target([weight], **({} if name == "prodigy" else {"lr": 0.05}))
    before = float(weight.detach().square().sum())
    for _ in range(60):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert float(weight.detach().square().sum()) < 0.9 * before


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_from_its_saved_state(name: str, component: Callable[[str], Component], tmp_path: Path) -> None:
    def trained(steps: int, saved: Path | None = None) -> tuple[nn.Parameter, Any]:
        weight = nn.Parameter(torch.tensor([[3.0, -2.0], [1.0, 4.0]]))
        optimizer = component(name).target([weight])
        if saved is not None:
            state = torch.load(saved, weights_only=True)
            weight.data.copy_(state["weight"])
            optimizer.load_state_dict(state["optimizer"])
        for _ in range(steps):
            optimizer.zero_grad()
            weight.square().sum().backward()
            optimizer.step()
        return weight, optimizer

    weight, optimizer = trained(7)
    torch.save({"weight": weight.detach(), "optimizer": optimizer.state_dict()}, tmp_path / "saved.pt")
    assert torch.equal(trained(5, tmp_path / "saved.pt")[0], trained(12)[0])


def test_mistakes_are_told_as_for_any_component(toolkit: Any) -> None:
    done = toolkit("check", "optimizers/digits-lion", "optimizer.lr=fast", "optimizer.weight_decy=0.1")
    assert done.code == 2
    assert "optimizer.lr: expected a number" in done.err
    assert "lion has no argument 'weight_decy'. Did you mean 'weight_decay'?" in done.err


def test_what_is_shown_is_the_library_s_own_documentation(toolkit: Any) -> None:
    done = toolkit("show", "lion")
    assert done.code == 0
    assert "Sign based updates from interpolated gradient momentum." in done.out
    assert "Decay rates for update interpolation and gradient momentum." in done.out
    assert "example-optimizers 0.1.0" in done.out


def test_the_commands_of_the_readme_run(toolkit: Any, readme: list[list[str]]) -> None:
    for command in readme:
        done = toolkit(*command)
        assert done.code == 0, done.out + done.err


def test_a_resumed_run_is_the_uninterrupted_one(toolkit: Any) -> None:
    short = ["optimizers/digits-lion", "scheduler=null", "loader.batch_size=256"]
    assert toolkit("run", *short, "trainer.max_epochs=2").code == 0
    assert toolkit("run", *short, "trainer.max_epochs=1").code == 0
    assert toolkit("resume", "last", "trainer.max_epochs=2").code == 0
    once, twice = (
        torch.load(run.checkpoints / "epoch-0002.ckpt", weights_only=True) for run in list_runs(Path("runs"))
    )
    assert once["global_step"] == twice["global_step"] == 10
    assert all(torch.equal(once["state_dict"][name], twice["state_dict"][name]) for name in once["state_dict"])
