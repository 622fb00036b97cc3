"""Whether a run can be gone on with, as far as its folder tells, and what to type where it cannot.

Imports nothing heavy, so that a run that cannot is refused at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.engine.checkpoints import list_saved
from toolkit.errors import RequestError
from toolkit.tracking.changes import BY_RESUME, refuse_changes
from toolkit.tracking.folder import FINISHED, RUNNING, RunFolder


def refuse_resume(folder: RunFolder, overrides: Sequence[str]) -> None:
    """Makes sure that a run has stopped, has a checkpoint, and is to be changed in nothing that a resume cannot change.

    Args:
        folder: the run's folder.
        overrides: what the resume is to change.

    Raises:
        RequestError: it cannot be gone on with, or not so; the message says what to type instead.
    """
    refuse_changes(overrides, BY_RESUME, "a resume")
    status, content, saved = folder.status(), folder.read_json(), list_saved(folder.checkpoints)
    if status == RUNNING:
        process = content.get("process", {})
        raise RequestError(f"run {folder.id} is still running (process {process.get('pid')} on {process.get('host')})")
    if status == FINISHED and not any(text.startswith("trainer.max_") for text in overrides):
        epochs = max((one.epoch for one in saved), default=0)
        raise RequestError(
            f"run {folder.id} is finished. "
            f"To train it longer: toolkit resume {folder.id} trainer.max_epochs={2 * epochs}"
        )
    if not any(one.resumable for one in saved):
        raise RequestError(
            f"run {folder.id} has no checkpoint to go on from: it ended before one was saved. "
            f"Start it again: {start_again(content)}"
        )


def start_again(content: Mapping[str, Any]) -> str:
    """The command line that begins a run like another one, with all its overrides and options.

    Args:
        content: the other's ``run.json``, which holds no secret.
    """
    sessions = [session["command"] for session in content.get("sessions", ())]
    typed = [each for each in (*sessions, content.get("command", ())) if list(each[:2]) == ["toolkit", "run"]]
    command = shlex.join(typed[0] if typed else _command_like(content))
    folder = content.get("working_folder")
    return command if folder in (None, str(Path.cwd())) else f"cd {shlex.quote(folder)} && {command}"


def _command_like(content: Mapping[str, Any]) -> list[str]:
    """What would have begun a run that a program began."""
    file, folder = Path(content.get("recipe_file", "RECIPE")), Path(content.get("working_folder", "."))
    path = f"./{file.relative_to(folder)}" if folder in file.parents else str(file)
    recipe = content.get("recipe", "RECIPE") if content.get("distribution") else path
    options = [("--name", content.get("name")), *(("--tag", tag) for tag in content.get("tags", ()))]
    given = [word for option, value in (*options, ("--note", content.get("note"))) if value for word in (option, value)]
    return ["toolkit", "run", recipe, *content.get("overrides", ()), *given]
