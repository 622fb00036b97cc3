"""Where ``model.init_from: RUN`` finds the weights of an earlier run. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from toolkit.engine.checkpoints import best_of, list_saved
from toolkit.errors import RequestError
from toolkit.tracking.folder import RunFolder, find


def weights_of_run(which: str, root: Path | None = None) -> Path:
    """The best checkpoint of a run, the last where there is no best.

    Args:
        which: a run's folder, its id, or ``last``.
        root: the folder of all runs.

    Raises:
        RequestError: there is no such run, or it has no checkpoint.
    """
    return chosen_checkpoint(find(which, root))


def chosen_checkpoint(folder: RunFolder) -> Path:
    """The checkpoint that a run was, or would be, tested with.

    Raises:
        RequestError: the run has no checkpoint.
    """
    saved = list_saved(folder.checkpoints)
    if not saved:
        raise RequestError(f"run {folder.id} has no checkpoint: it ended before its first epoch did")
    monitor = folder.read_json().get("monitor")
    found = best_of(saved, monitor["mode"]) if monitor else []
    return (found[0] if found else saved[-1]).path
