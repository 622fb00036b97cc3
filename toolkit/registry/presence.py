"""Tells which entries name a module that is not there, without importing anything, their own packages included."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder

from toolkit.registry.entry import Entry


def absent_modules(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries whose module does not exist, as far as can be seen without running any code.

    A module that its package makes up while it is imported counts as absent.
    """
    checked: dict[str, bool] = {}
    absent = []
    for entry in entries:
        if entry.module not in checked:
            checked[entry.module] = exists(entry.module)
        if not checked[entry.module]:
            absent.append(entry)
    return tuple(absent)


def exists(module: str) -> bool:
    """Whether there is a module of this name, as far as can be seen without running any code."""
    if module in sys.modules:
        return True
    try:
        return _spec(module) is not None
    except Exception:  # a finder that some package installed: it may raise anything, and then nothing is known
        return True


def source_file(module: str) -> str:
    """The file of a module, found without running any code; empty where there is none, or none can be seen."""
    try:
        spec = _spec(module)
    except Exception:  # as above
        return ""
    return (spec.origin or "") if spec is not None and spec.has_location else ""


def _spec(module: str) -> ModuleSpec | None:
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # Not find_spec("a.b"), which imports a; and the bare part as name, because a namespace package would
        # look for its parent among the imported modules.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return spec
