"""One process of a distributed run: loads the run from its folder, executes it, and writes how it went for it.

Called in a process that `toolkit.engine.launch` has started. Imports Lightning.
"""

from __future__ import annotations

import json
import os
import time
import traceback as tracebacks
from pathlib import Path
from typing import Any

from toolkit.build import build
from toolkit.check import resolve
from toolkit.engine.checkpoints import list_saved
from toolkit.errors import EXIT_BUG, EXIT_DONE, ToolkitError
from toolkit.registry import Registry
from toolkit.runs.errors import RunFailed
from toolkit.runs.execute import execute
from toolkit.runs.run import Run
from toolkit.runs.stored import stored_recipe
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.run_files import kept_files

CALL = "toolkit.runs.rank:main"
LONGEST = 1_000_000
"""Characters of a reason, and of a traceback."""


def main(path: str, allow_code: str, checkpoint: str) -> int:
    """Executes this process's part of a run.

    Args:
        path: the run's folder.
        allow_code: ``allow-code`` or an empty string.
        checkpoint: the name of the checkpoint that the run goes on from, or an empty string.

    Returns:
        The exit code.
    """
    folder, rank = RunFolder(Path(path)), int(os.environ["RANK"])
    try:
        content = folder.read_json()
        registry = Registry.scan().without(content["without"])
        recipe = stored_recipe(folder, (), registry=registry, allow_code=bool(allow_code))
        # Found by the process that made the run: `last` would mean this very run by now.
        saved = next((one for one in list_saved(folder.checkpoints) if one.path.name == checkpoint), None)
        experiment = build(
            resolve(recipe, registry),
            find_weights=lambda _: Path(content["init_from"]),
            untrained=saved is not None,
            # Written before any process was started: what each would make of the data itself need not be the same.
            kept=kept_files(folder),
        )
        execute(Run(folder, experiment, content, resumed_from=saved, is_main=rank == 0, launched=True))
    except RunFailed as error:
        return _write(folder, rank, error.exit_code, error.reason, error.traceback, error.when)
    except ToolkitError as error:
        return _write(folder, rank, error.exit_code, str(error), _text(error), time.time())
    except Exception as error:
        return _write(folder, rank, EXIT_BUG, f"{type(error).__name__}: {error}", _text(error), time.time())
    return _write(folder, rank, EXIT_DONE, "", "", time.time())


def account(folder: RunFolder, rank: int) -> dict[str, Any]:
    """What a process wrote of its end: ``code``, ``reason``, ``traceback``, ``when``; empty where it wrote nothing."""
    try:
        found = json.loads(_file(folder, rank).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def forget_accounts(folder: RunFolder) -> None:
    """Removes what the processes of a session wrote."""
    for path in folder.logs.glob("rank-*.json"):
        path.unlink(missing_ok=True)


def _file(folder: RunFolder, rank: int) -> Path:
    return folder.logs / f"rank-{rank}.json"


def _write(folder: RunFolder, rank: int, code: int, reason: str, traceback: str, when: float) -> int:
    # Whoever reads it is told over a connection, where a message has an end.
    content = {"code": code, "reason": reason[:LONGEST], "traceback": traceback[-LONGEST:], "when": when}
    folder.write_text(_file(folder, rank), json.dumps(content, indent=2) + "\n")
    return code


def _text(error: BaseException) -> str:
    return "".join(tracebacks.format_exception(error))
