"""Every recipe in the tree is one page that explains itself, passes the check, takes a step, and takes it fast."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit.build import Experiment, build_callbacks
from toolkit.check import resolve
from toolkit.engine.fast_loop import describe_loop
from toolkit.engine.trainer import make_trainer, trainer_options
from toolkit.recipe import Recipe, list_recipes, load
from toolkit.registry import Registry
from toolkit.runs import DeepReport, deep

ROOT = Path(__file__).parent.parent
REGISTRY = Registry.scan()
RECIPES = [recipe for recipe in list_recipes(REGISTRY) if recipe.path.is_relative_to(ROOT)]


@dataclass(frozen=True)
class Stepped:
    recipe: Recipe
    report: DeepReport
    experiment: Experiment


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


@pytest.fixture(scope="module", params=[recipe.full_name for recipe in RECIPES])
def stepped(request: pytest.FixtureRequest) -> Stepped:
    """What one step of a recipe has shown, and what was built for it: some data take long to make."""
    built: list[Experiment] = []
    # The function `deep` hides its module of the same name.
    module = importlib.import_module("toolkit.runs.deep")
    one_step = module._one_step

    def noted(experiment: Experiment, looks: Any) -> None:
        built.append(experiment)
        one_step(experiment, looks)

    recipe = load(request.param, registry=REGISTRY)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
            patch.setenv(name, "0")  # Lightning sets them, and here they are taken away again
        patch.setattr(module, "_one_step", noted)
        report = deep(resolve(recipe, REGISTRY))
    (experiment,) = built
    return Stepped(recipe, report, experiment)


def test_it_takes_a_step_on_two_samples(stepped: Stepped) -> None:
    assert stepped.report.parameters > 0
    assert stepped.report.ok
    assert not stepped.report.unused


def test_it_takes_the_fast_path_or_says_why_not(stepped: Stepped, tmp_path: Path) -> None:
    options = trainer_options(
        stepped.experiment,
        folder=tmp_path,
        checkpoints=tmp_path,
        run_id="none",
        callbacks=build_callbacks(stepped.experiment, {"dirpath": str(tmp_path)}).values(),
        loggers=[],
        batches_per_epoch=None,
    )
    # What is found out on the machine at hand, `run` has put into these places by then.
    here = {"accelerator": "cpu", "devices": 1, "precision": "32-true" if options.get("precision") == "auto" else None}
    trainer = make_trainer({**options, **{key: value for key, value in here.items() if value is not None}})
    said = describe_loop(trainer, stepped.experiment.task)
    assert said["path"] == "fast" or said["why"] in stepped.recipe.header
