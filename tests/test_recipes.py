"""Every recipe in the tree is one page that explains itself, passes the check, and takes a step on two samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.check import resolve
from toolkit.recipe import list_recipes, load
from toolkit.registry import Registry
from toolkit.runs import deep

ROOT = Path(__file__).parent.parent
REGISTRY = Registry.scan()
RECIPES = [recipe for recipe in list_recipes(REGISTRY) if recipe.path.is_relative_to(ROOT)]


def test_every_page_of_the_tree_is_swept() -> None:
    pages = {path for folder in ("recipes", "plugins/*/*/recipes") for path in ROOT.glob(f"{folder}/**/*.yaml")}
    assert {recipe.path for recipe in RECIPES} == pages
    assert len(pages) >= 2


@pytest.mark.parametrize("name", [recipe.full_name for recipe in RECIPES])
def test_it_is_one_page_that_explains_itself(name: str) -> None:
    recipe = load(name, registry=REGISTRY)
    assert len(recipe.file.read_text(encoding="utf-8").splitlines()) <= 60
    commands = [line.strip() for line in recipe.header.splitlines() if line.strip().startswith("toolkit run ")]
    assert commands[0] == f"toolkit run {recipe.name}"
    assert len(commands) >= 3, "the command, and two useful overrides"
    for command in commands:
        overrides = [word.replace("FOLDER", "folder") for word in command.split()[3:]]
        assert resolve(load(name, overrides, registry=REGISTRY), REGISTRY).problems == (), command


@pytest.mark.parametrize("name", [recipe.full_name for recipe in RECIPES])
def test_it_takes_a_step_on_two_samples(name: str) -> None:
    report = deep(resolve(load(name, registry=REGISTRY), REGISTRY))
    assert report.parameters > 0
    assert report.ok
    assert not report.unused
