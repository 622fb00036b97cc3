"""A plugin that asks for another version of the plugin API: reported before anything of it is imported."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

WHY = "was built for another toolkit version: old-nets 1.0 asks for toolkit-core <0.1, and 0.1.0 is installed."


@pytest.fixture(autouse=True)
def old_nets(install):
    """Every module of it would end the process."""
    install(
        "old-nets",
        {
            "models": {"old_net": "old_nets.parts:Net", "mlp": "old_nets.parts:Net"},
            "hooks": {"watch": "old_nets.hooks"},
            "recipes": {"old": "old_nets.recipes"},
        },
        {
            "old_nets/__init__.py": "import sys\nsys.exit('imported')\n",
            "old_nets/recipes/old/tiny.yaml": "extends: vision/digits\n",
        },
        requires="toolkit-core<0.1",
    )


def test_a_component(toolkit):
    answer = toolkit("check", "vision/digits", "model=old_net")
    assert answer.code == 2
    assert f"model: model 'old_net' (old-nets 1.0, old_nets.parts:Net) {WHY}\n" in answer.err
    assert "Install a version of it that goes with this one: pip install --upgrade old-nets" in answer.err
    assert toolkit("show", "old_net").code == 2
    # It does not make the name of a plugin that can be used ambiguous.
    assert toolkit("check", "vision/digits", "model=mlp").code == 0


@pytest.mark.parametrize("command", ["run", "check", "show", "cp", "fetch"])
def test_a_recipe(toolkit, command):
    answer = toolkit(command, "old/tiny")
    assert answer.code == 2
    assert answer.err.startswith(f"the recipe 'old-nets:old/tiny' {WHY}\n") or WHY in answer.err


def test_the_list_of_recipes_says_it(toolkit):
    listed = {each["name"]: each for each in json.loads(toolkit("ls", "recipes", "--json").out)["recipes"]}
    assert listed["old/tiny"]["problem"] == WHY
    assert listed["vision/digits"]["problem"] == ""


def test_a_recipe_of_that_name_that_can_be_used_is_meant(toolkit, install):
    install(
        "new-nets",
        {"recipes": {"new": "new_nets.recipes"}},
        {"new_nets/__init__.py": "", "new_nets/recipes/old/tiny.yaml": "# Another.\nextends: vision/digits\n"},
    )
    answer = toolkit("show", "old/tiny", "--json")
    assert json.loads(answer.out)["plugin"] == "new-nets"


def test_its_listeners(toolkit):
    Path("small.yaml").write_text(
        "extends: vision/digits\nmodel: {use: toolkit-vision/mlp, hidden: [8]}\nloss: {label_smoothing: 0.0}\n"
        "scheduler: null\ntrainer: {max_epochs: 1, accelerator: cpu}\nloggers: {wandb: null}\n"
    )
    answer = toolkit("run", "./small.yaml")
    assert answer.code == 0, answer.err
    (file,) = Path("runs/small").glob("*/run.json")
    assert json.loads(file.read_text())["notes"] == [
        "hooks 'watch' (old-nets 1.0, old_nets.hooks) was built for another version of the toolkit: it asks for "
        "toolkit-core <0.1, and 0.1.0 is installed\nThe run goes on without it."
    ]
    assert "old_nets" not in sys.modules


def test_plugins_says_it(toolkit):
    answer = toolkit("plugins")
    assert "old-nets: built for another toolkit version: it asks for toolkit-core <0.1, and 0.1.0 is installed" in (
        answer.out
    )
    assert answer.err == "The plugin API is version 0.1: plugins that go with it ask for toolkit-core>=0.1,<0.2\n"
