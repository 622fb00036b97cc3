"""Begins a run: checks and builds its recipe, makes its folder, and executes it. Imports Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from toolkit.build import Experiment, build
from toolkit.check import resolve
from toolkit.engine.checkpoints import list_saved, remove
from toolkit.errors import RequestError
from toolkit.recipe import Recipe
from toolkit.registry import Registry
from toolkit.runs.again import asked_for, run_of_job, take_over, unfinished_run
from toolkit.runs.automatic import chosen
from toolkit.runs.batch_size import with_batch_size
from toolkit.runs.crew import Crew, carry_out
from toolkit.runs.environment import refuse_environment
from toolkit.runs.launched import finished_result
from toolkit.runs.record import left_out, new_record, recipe_text
from toolkit.runs.result import RunResult
from toolkit.runs.resume import begun_again, reopen
from toolkit.runs.run import Run
from toolkit.runs.sized import sized
from toolkit.runs.stored import stored_recipe
from toolkit.runs.trial import refuse_trainer
from toolkit.runs.weights import weights_of_run
from toolkit.tracking.folder import FINISHED, RunFolder, runs_root
from toolkit.tracking.run_files import KEY, keep_files, kept_files

AUTO = "auto"


def run(
    recipe: Recipe,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    note: str = "",
    root: Path | None = None,
    registry: Registry | None = None,
    resume: str = "",
) -> RunResult:
    """Train what a recipe says, test it with its best checkpoint, and leave a run folder.

    Under torchrun or srun every process calls it, and one run comes of it. A job that was started again goes on with
    the run that it had begun.

    Args:
        recipe: what `toolkit.load` returned.
        name: what you call this run; loggers show it.
        tags: what you file it under.
        note: what you want to remember of it.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        resume: ``auto`` to go on with the newest run of this recipe, with the same overrides, that has stopped before
            its end; where there is none, a new one begins.

    Returns:
        The metrics reached, the run's folder, and the model with the weights that were tested (None in the processes
        of torchrun or srun other than rank 0).

    Raises:
        RecipeError: the recipe is wrong; all that is wrong, and nothing was started.
        RequestError: a component could not be constructed, or the run's folder could not be made.
        RunFailed: the run was started and did not finish; its folder says why.
    """
    if resume not in ("", AUTO):
        raise RequestError(f"resume can only be {AUTO!r}, not {resume!r}. To go on with one run: toolkit resume RUN")
    installed, runs = registry or Registry.scan(), root or runs_root()

    def begin(crew: Crew) -> Run | RunResult:
        earlier = _earlier(recipe, crew, runs, resume)
        if earlier is not None and earlier.status() == FINISHED:
            return _finished(earlier, installed, recipe.allow_code)
        if earlier is not None and any(saved.resumable for saved in list_saved(earlier.checkpoints)):
            return reopen(earlier, crew=crew, registry=installed, allow_code=recipe.allow_code)
        return _new(recipe, crew, installed, name=name, tags=tags, note=note, root=runs, into=earlier)

    return carry_out(begin, allow_code=recipe.allow_code)


def prepare(
    experiment: Experiment,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    note: str = "",
    root: Path,
    letters: Random | None = None,
    into: RunFolder | None = None,
) -> Run:
    """Makes the folder of a new run, with its resolved recipe, what it keeps of its dataset, and ``run.json``.

    Args:
        experiment: what will be trained.
        name: what the user calls the run.
        tags: what the user files it under.
        note: what the user wants to remember of it.
        root: the folder of all runs.
        letters: what the letters of the run's id are drawn from; at random where it is left out.
        into: the folder of a run that has no checkpoint and begins once more, under the same id.

    Raises:
        RequestError: the folder cannot be made or written.
    """
    folder = into or RunFolder.create(root, experiment.recipe.name, letters)
    try:
        if into is not None:
            remove(saved.path for saved in list_saved(folder.checkpoints))
            folder.metrics_csv.unlink(missing_ok=True)
        folder.write_text(folder.recipe_yaml, recipe_text(experiment))
        folder.reserve()
        record = (
            begun_again(folder.read_json())
            if into is not None
            else new_record(experiment, folder, name=name, tags=tags, note=note)
        )
        record["without"] = left_out(experiment.checked.registry)
        record[KEY] = keep_files(folder, experiment.run_files)
        begun = Run(folder, experiment, record)
        begun.write()
    except OSError as error:
        raise RequestError(f"the run's folder cannot be written: {error}") from error
    return begun


def _earlier(recipe: Recipe, crew: Crew, root: Path, resume: str) -> RunFolder | None:
    """The run that is to go on, or to be begun once more, instead of a new one; it says which."""
    job = crew.job
    found = run_of_job(root, recipe, job) if job is not None else None
    if found is not None and job is not None:
        if found.status() != FINISHED:
            take_over(found, job)
            print(f"{job} was started again: it goes on with run {found.id}", flush=True)
            return found
        if job.restarted:
            print(f"{job} was started again: its run {found.id} is finished, nothing is left to do", flush=True)
            return found
    if resume != AUTO:
        return None
    found = unfinished_run(root, recipe)
    if found is None:
        print(f"no run of {recipe.name} with these values is unfinished: a new one begins", flush=True)
    else:
        print(f"run {found.id} is unfinished ({found.status()}): it goes on", flush=True)
    return found


def _new(
    recipe: Recipe,
    crew: Crew,
    registry: Registry,
    *,
    name: str,
    tags: Sequence[str],
    note: str,
    root: Path,
    into: RunFolder | None,
) -> Run:
    fitting, _ = sized(recipe, crew.ranks)
    checked = resolve(fitting, registry)
    checked.raise_problems()
    refuse_environment(checked)
    found = with_batch_size(fitting, crew.ranks, crew.meeting)
    if found is not fitting:
        checked = resolve(found, registry)
    init_from: dict[str, str] = {}

    def find_weights(which: str) -> Path:
        path = weights_of_run(which, root)
        init_from["init_from"] = str(path.absolute())
        return path

    experiment = chosen(build(checked, find_weights=find_weights))
    refuse_trainer(experiment)
    letters = crew.job.letters if crew.job is not None else None
    begun = prepare(experiment, name=name, tags=tags, note=note, root=root, letters=letters, into=into)
    begun.write(**init_from, asked_for=asked_for(recipe), job=crew.job.record() if crew.job is not None else None)
    return begun


def _finished(folder: RunFolder, registry: Registry, allow_code: bool) -> RunResult:
    """What a run has come to that finished before; its model is built once more."""
    recipe = stored_recipe(folder, (), registry=registry, allow_code=allow_code)
    experiment = build(resolve(recipe, registry), untrained=True, kept=kept_files(folder))
    return finished_result(Run(folder, experiment, folder.read_json()))
