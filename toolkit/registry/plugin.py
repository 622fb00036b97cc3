"""What package metadata tells of one installed distribution that offers something to the toolkit.

Imports nothing heavy; ``packaging`` only when a plugin's demand on the core is compared with a version.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from toolkit.registry.entry import Entry


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed distribution that offers components, recipes or hooks. Nothing of it has been imported."""

    distribution: str
    """Normalised name (PEP 503)."""
    version: str
    """As the metadata says; empty where nothing says it."""
    location: Path
    """The folder of the metadata (``*.dist-info`` or ``*.egg-info``)."""
    entries: tuple[Entry, ...] = ()
    recipes: tuple[tuple[str, str], ...] = ()
    """``(name, "package.path")`` of the group ``toolkit.recipes``."""
    hooks: tuple[tuple[str, str], ...] = ()
    """``(name, "module:attribute")`` or ``(name, "module")`` of the group ``toolkit.hooks``."""
    cases: tuple[tuple[str, str], ...] = ()
    """``(name, "module:attribute")`` of the group ``toolkit.cases``."""
    requires_core: str = ""
    """The versions of toolkit-core that it asks for, such as ``>=0.1,<0.2``; empty when it does not say."""
    core_version: str = ""
    """The version of toolkit-core beside which it was found; empty when there was none."""
    problems: tuple[str, ...] = ()
    """What is wrong with its metadata, one sentence each."""

    @property
    def built_for_another(self) -> bool:
        """Whether the plugin itself says that it does not go with the toolkit-core found beside it."""
        return bool(self.requires_core and self.core_version) and not _admits(self.requires_core, self.core_version)

    def __str__(self) -> str:
        """``acme-nets 1.0``, for messages."""
        return f"{self.distribution} {self.version}".rstrip()


@functools.cache
def _admits(specifier: str, version: str) -> bool:
    # Not at the top: importing packaging.specifiers takes about 20 ms, a fifth of what `toolkit ls` may take.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        # An unreadable demand shuts nobody out: the plugin is tried, and says itself what it lacks.
        return True
