"""What names of the plugin API used to be: each goes on working for one minor release, with a warning to the author.

An entry is made in the release that renames something and says which one ends the old name; a test fails in that one,
so that the entry is taken out. Today nothing is renamed. Imports nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Renamed:
    """Another name for the same thing."""

    new: str
    """What it is called today."""
    ends: str
    """The first release of toolkit-core without the old name, such as ``0.3``."""

    def told(self, what: str, old: str) -> str:
        """``the fact 'classes' is called 'num_classes' now, and the old name ends with toolkit-core 0.3``.

        Args:
            what: what has the name, such as ``the fact``.
            old: the old name.
        """
        return f"{what} {old!r} is called {self.new!r} now, and the old name ends with toolkit-core {self.ends}"


HOOKS: Mapping[str, Renamed] = {}
"""Hooks, by the old name."""

HOOK_ARGUMENTS: Mapping[str, Mapping[str, Renamed]] = {}
"""Arguments of hooks: by the hook's name of today, by the old name."""

ARGUMENTS: Mapping[str, Mapping[str, Renamed]] = {}
"""Arguments of components that the core or the run fills: by kind, by the old name."""

FACTS: Mapping[str, Renamed] = {}
"""Facts, which datasets state and which fill arguments, by the old name."""
