"""In a process of its own: imports and builds the components of one plugin where all other plugins are absent."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any


class Absent(MetaPathFinder):
    """Says of some modules that they are not there."""

    def __init__(self, names: list[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raises ModuleNotFoundError for one of them, as Python would."""
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def tell(job: dict[str, Any]) -> None:
    """Write to standard output, as JSON, what came of importing each module and building each case.

    Args:
        job: the distribution, the modules that are absent, and the specs of the cases by their names.
    """
    # What the tested code prints must not mix with the answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.meta_path.insert(0, Absent(job["absent"]))
    warnings.simplefilter("ignore")
    import pytorch_lightning  # noqa: F401 (what every run has imported is not the plugin's to answer for)
    import torchmetrics  # noqa: F401
    import torchvision  # noqa: F401

    from toolkit.build import BuildError
    from toolkit.build.stand_in import data_is_absent
    from toolkit.data.download import no_downloads
    from toolkit.registry import BrokenComponent, load
    from toolkit.testing.check import found
    from toolkit.testing.subject import Spec, alone, built, working_folder

    registry, plugin = alone(job["distribution"])
    imports: dict[str, dict[str, Any]] = {}
    for entry in plugin.entries:
        started, error = time.process_time(), ""
        try:
            load(entry)
        except BrokenComponent as broken:
            error = broken.reason
        imports[f"{entry.kind} {entry.name}"] = {"seconds": time.process_time() - started, "error": error}
    builds: dict[str, str] = {}
    with working_folder() as folder, no_downloads():
        for label, fields in job["specs"].items():
            builds[label] = ""
            try:
                built(Spec(**fields, recipe={}), registry, Path(folder))
            # Whatever the plugin's code raises is the answer, unless its data is not on this machine.
            except BaseException as error:
                absent = isinstance(error, BuildError) and data_is_absent(error)
                if not absent and _is_about_a_module(error):
                    builds[label] = found(error)
    json.dump({"imports": imports, "builds": builds}, answer)
    answer.flush()
    os._exit(0)


def _is_about_a_module(error: BaseException | None) -> bool:
    """Whether a module that could not be found is behind an error: others are told by the component's own checks."""
    while error is not None:
        if isinstance(error, ImportError):
            return True
        error = error.__cause__ or error.__context__
    return False
