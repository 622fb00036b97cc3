"""Classes of another library, named by nothing but entry points: found, checked, shown, trained with, resumed."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import torch

from toolkit.registry import Registry
from toolkit.tracking.folder import list_runs

NAMES = (
    *("adabelief", "adan", "ademamix", "adopt", "came", "lamb"),
    *("lion", "mars", "prodigy", "soap", "stable_adamw", "tiger"),
)


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
