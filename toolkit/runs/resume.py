"""Goes on with a run from its newest checkpoint. Imports Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.build import build
from toolkit.check import Checked, resolve
from toolkit.engine.checkpoints import Saved, list_saved, newest_whole, remove
from toolkit.engine.trainer import processes
from toolkit.errors import RequestError
from toolkit.registry import Registry
from toolkit.runs.crew import Crew, carry_out
from toolkit.runs.environment import refuse_environment
from toolkit.runs.record import left_out, now, signatures
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run
from toolkit.runs.sized import sized
from toolkit.runs.stored import stored_recipe
from toolkit.runs.trial import refuse_trainer
from toolkit.tracking import provenance
from toolkit.tracking.folder import FINISHED, RUNNING, RunFolder, find, this_process
from toolkit.tracking.resumable import refuse_resume
from toolkit.tracking.run_files import kept_files


def resume(
    which: str | Path | RunFolder,
    overrides: Sequence[str] = (),
    *,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
    given_in: str = "overrides",
) -> RunResult:
    """Go on with a run from its newest checkpoint: in the same folder, under the same id, in the same W&B run.

    On the same machine with the same versions it ends with the same weights and the same ``metrics.csv``, bit for bit,
    as if it had not been stopped.

    Args:
        which: a run's folder, its id, or ``last``.
        overrides: ``trainer.max_*`` (to train longer), ``loggers.*``, or ``trainer.devices`` (not bit for bit then).
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run; asked again for every resume.
        given_in: where the overrides were typed, for messages.

    Returns:
        As `run` does.

    Raises:
        RequestError: there is no such run, it is still running, it is finished, or it has no whole checkpoint.
        RunFailed: it was started and did not finish again.
    """
    installed = registry or Registry.scan()

    def begin(crew: Crew) -> Run:
        folder = find(which, root)
        return reopen(folder, overrides, crew=crew, registry=installed, allow_code=allow_code, given_in=given_in)

    return carry_out(begin, allow_code=allow_code)


def reopen(
    folder: RunFolder,
    overrides: Sequence[str] = (),
    *,
    crew: Crew,
    registry: Registry,
    allow_code: bool,
    given_in: str = "overrides",
) -> Run:
    """A run that has stopped, ready to be executed from its last checkpoint on; arguments and errors as of `resume`.

    Args:
        crew: the processes that a launcher has started, and the job they are part of.
    """
    refuse_resume(folder, overrides)
    content = folder.read_json()
    # The listeners of a plugin that was left out could change what is trained.
    registry = registry.without(content.get("without", {}))
    recipe = stored_recipe(folder, overrides, registry=registry, allow_code=allow_code, given_in=given_in)
    recipe, changes = sized(recipe, crew.ranks, goes_on=True)
    count = processes(recipe.get("trainer")) * int(recipe.get("trainer", "num_nodes", default=1) or 1)
    saved, damaged = newest_whole(folder.checkpoints, processes=count)
    if saved is None and damaged:
        names = ", ".join(one.path.name for one in damaged)
        raise RequestError(f"run {folder.id} cannot go on: every checkpoint is damaged ({names})")
    if saved is None:
        raise RequestError(
            f"run {folder.id} has checkpoints from inside its first epoch only, and with another number of processes "
            "a run goes on from a whole epoch; resume it without trainer.devices"
        )
    overrides = [*overrides, *changes]
    checked = resolve(recipe, registry)
    checked.raise_problems()
    _must_go_on(checked, folder, saved)
    refuse_environment(checked)
    experiment = build(checked, untrained=True, kept=kept_files(folder))
    refuse_trainer(experiment)
    # What comes after the checkpoint, damaged or not, is made again.
    remove(one.path for one in list_saved(folder.checkpoints) if (one.step, one.epoch) > (saved.step, saved.epoch))
    folder.reserve()
    run = Run(folder, experiment, begun_again(content, overrides), resumed_from=saved)
    run.record["signatures"] = signatures(experiment.metrics)
    run.record["without"] = left_out(registry)
    if crew.job is not None:
        run.record["job"] = crew.job.record()
    for one in damaged:
        run.add_note(f"{one.path.name} is damaged; the run goes on from {saved.path.name} instead")
    for line in _differences(content, registry):
        run.add_note(line)
    if any(text.startswith("trainer.devices") for text in overrides):
        run.add_note("trainer.devices was changed: the result is no longer bit for bit that of an uninterrupted run")
    # Where there are several processes, they read from the folder what to do.
    run.write()
    return run


def _must_go_on(checked: Checked, folder: RunFolder, saved: Saved) -> None:
    max_epochs, max_steps = checked.trainer.get("max_epochs"), checked.trainer.get("max_steps")
    reached = [
        f"trainer.max_{what}={limit}"
        for what, limit, done in (("epochs", max_epochs, saved.epoch), ("steps", max_steps, saved.step))
        # One that was stopped after its last epoch has its test still to come.
        if limit is not None and limit != -1 and (done > limit or (done == limit and folder.status() == FINISHED))
    ]
    if reached:
        raise RequestError(
            f"run {folder.id} has trained for {saved.epoch} epochs and {saved.step} steps already, "
            f"and {reached[0]} does not go beyond that. "
            f"Give more: toolkit resume {folder.id} trainer.max_epochs={2 * saved.epoch}"
        )


def begun_again(content: dict[str, Any], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The record of a run that is executed once more.

    Args:
        content: what it was.
        overrides: with which the run goes on.
    """
    return {
        **content,
        "overrides": [*content.get("overrides", []), *overrides],
        "resumed_with": [*content.get("resumed_with", []), *overrides],
        "status": RUNNING,
        "reason": "",
        "started": now(),
        "finished": None,
        "command": provenance.command(),
        "process": this_process(),
    }


def _differences(content: dict[str, Any], registry: Registry) -> list[str]:
    """What is not as it was when the run began, and may end its exactness."""
    before: dict[str, str] = content.get("packages", {})
    after = provenance.packages(registry)
    lines = [
        f"{name} was {before[name]} when the run began and is {after.get(name, 'absent')} now"
        for name in before
        if before[name] != after.get(name)
    ]
    threads, now_threads = content.get("machine", {}).get("threads"), provenance.machine()["threads"]
    if threads is not None and threads != now_threads:
        lines.append(f"torch used {threads} threads when the run began and uses {now_threads} now")
    return lines
