"""Begins a run: checks and builds its recipe, makes its folder, and executes it. Imports Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.build import Experiment, build
from toolkit.check import resolve
from toolkit.engine.trainer import processes
from toolkit.errors import RequestError
from toolkit.recipe import Recipe
from toolkit.registry import Registry
from toolkit.runs.execute import execute
from toolkit.runs.launched import execute_in_processes, refuse_launchers
from toolkit.runs.record import new_record, recipe_text
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run
from toolkit.runs.weights import weights_of_run
from toolkit.tracking.folder import RunFolder, runs_root


def run(
    recipe: Recipe,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    note: str = "",
    root: Path | None = None,
    registry: Registry | None = None,
) -> RunResult:
    """Train what a recipe says, test it with its best checkpoint, and leave a run folder.

    Args:
        recipe: what `toolkit.load` returned.
        name: what you call this run; loggers show it.
        tags: what you file it under.
        note: what you want to remember of it.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.

    Returns:
        The metrics reached, the run's folder, and the model with the weights that were tested.

    Raises:
        RecipeError: the recipe is wrong; all that is wrong, and nothing was started.
        RequestError: a component could not be constructed, or the run's folder could not be made.
        RunFailed: the run was started and did not finish; its folder says why.
    """
    checked = resolve(recipe, registry or Registry.scan())
    checked.raise_problems()
    count = processes(checked.trainer)
    refuse_launchers()
    init_from: dict[str, str] = {}

    def find_weights(which: str) -> Path:
        path = weights_of_run(which, root)
        init_from["init_from"] = str(path.absolute())
        return path

    experiment = build(checked, find_weights=find_weights)
    begun = prepare(experiment, name=name, tags=tags, note=note, root=root or runs_root())
    if init_from:
        begun.write(**init_from)
    return execute(begun) if count == 1 else execute_in_processes(begun, count)


def prepare(experiment: Experiment, *, name: str = "", tags: Sequence[str] = (), note: str = "", root: Path) -> Run:
    """Makes the folder of a new run, with its resolved recipe and ``run.json``.

    Raises:
        RequestError: the folder cannot be made or written.
    """
    folder = RunFolder.create(root, experiment.recipe.name)
    try:
        folder.write_text(folder.recipe_yaml, recipe_text(experiment))
        folder.reserve()
        begun = Run(folder, experiment, new_record(experiment, folder, name=name, tags=tags, note=note))
        begun.write()
    except OSError as error:
        raise RequestError(f"the run's folder cannot be written: {error}") from error
    return begun
