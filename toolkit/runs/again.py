"""Finds the run that a command, given once more, should go on with. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.engine.checkpoints import list_saved
from toolkit.recipe import Recipe
from toolkit.runs.job import Job
from toolkit.tracking.folder import FINISHED, RUNNING, TERMINATED, RunFolder, list_runs, process_lives, this_process


def asked_for(recipe: Recipe) -> str:
    """What tells a recipe with its overrides from any other, as ``run.json`` keeps it: a checksum.

    Values from the environment count as they are written, not as they are read.
    """
    where = recipe.distribution or str(recipe.folder)
    text = json.dumps([recipe.name, where, recipe.as_written()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def run_of_job(root: Path, recipe: Recipe, job: Job) -> RunFolder | None:
    """The newest run that an earlier start of a job has begun with the same recipe and overrides.

    One that still runs on this machine is none: its job cannot have been started again.
    """
    for folder, content in _alike(root, recipe):
        if job.comes_back_to(content):
            return None if folder.status() == RUNNING and _is_here(content) else folder
    return None


def unfinished_run(root: Path, recipe: Recipe) -> RunFolder | None:
    """The newest run of the same recipe and overrides that has stopped before its end and has a checkpoint."""
    for folder, _ in _alike(root, recipe):
        stopped = folder.status() not in (FINISHED, RUNNING)
        if stopped and any(saved.resumable for saved in list_saved(folder.checkpoints)):
            return folder
    return None


def take_over(folder: RunFolder, job: Job) -> None:
    """Notes that nobody executes a run any more that says so: it ran on another machine, before its job came back."""
    if folder.status() == RUNNING:
        folder.update_json(status=TERMINATED, reason=f"{job} was started again")


def _alike(root: Path, recipe: Recipe) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    asked = asked_for(recipe)
    for folder in list_runs(root / recipe.name):
        content = folder.read_json()
        if content.get("asked_for") == asked:
            yield folder, content


def _is_here(content: dict[str, Any]) -> bool:
    process = content.get("process", {})
    return process.get("host") == this_process()["host"] and process_lives(process)
