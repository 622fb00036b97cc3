"""Where a run's model is exported to. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import RequestError, shown_path
from toolkit.tracking.folder import RunFolder


def export_folder(folder: RunFolder, output: str | Path | None) -> Path:
    """The folder that a run's model is written to: ``export`` in the run's, where no other is named.

    Raises:
        RequestError: it is there already.
    """
    target = folder.path / "export" if output is None else Path(output).expanduser()
    if target.exists():
        raise RequestError(f"{shown_path(target)} is there already: name another folder with --output, or remove it")
    return target
