"""Imports everything that a plugin offers in a child process and tells what is broken, why, and how long it took.

Imports nothing heavy in this process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.registry.child import in_children
from toolkit.registry.entry import Entry
from toolkit.registry.errors import BrokenComponent
from toolkit.registry.loading import load
from toolkit.registry.plugin import Plugin


@dataclass(frozen=True, slots=True)
class ImportCheck:
    """What came of importing one entry of a plugin."""

    kind: str
    """A kind of component, or ``hook``."""
    name: str
    value: str
    ok: bool
    reason: str
    """Why it is broken; empty if it is not."""
    seconds: float
    """How long the import took; the first entry of a module bears the time of the whole module."""


def check_imports(plugin: Plugin, *, timeout: float = 120.0) -> Iterator[ImportCheck]:
    """Import each component and hook of ``plugin`` in a child process; one result for each, as they come.

    Args:
        plugin: what to import.
        timeout: the most seconds that one entry may take.
    """
    hooks = [Entry("hook", name, value, plugin.distribution, plugin.version) for name, value in plugin.hooks]
    for answer in in_children([*plugin.entries, *hooks], f"{__name__}:import_one", timeout=timeout):
        told = answer.told or {"ok": False, "reason": answer.reason, "seconds": answer.seconds}
        yield ImportCheck(answer.entry.kind, answer.entry.name, answer.entry.value, **told)


def import_one(entry: Entry) -> dict[str, Any]:
    """In the child: import one entry and tell what came of it."""
    started = time.perf_counter()
    reason = ""
    try:
        load(entry)
    except BrokenComponent as error:
        reason = error.reason
    return {"ok": not reason, "reason": reason, "seconds": round(time.perf_counter() - started, 3)}
