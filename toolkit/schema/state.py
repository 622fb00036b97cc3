"""What state a plugin is installed in, as far as its components' signatures depend on it. Imports no plugin.

Another version of it, or of what it asks for, is another state; so is an edited file where it is installed from its
sources. Imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from toolkit.registry import Plugin
from toolkit.registry.names import normalised
from toolkit.registry.sources import project_of

_READERS = ("check", "schema", "recipe/grammar.py", "recipe/loader.py", "registry/renamed.py")
"""What of the core decides what is written: another text of theirs may read a signature otherwise."""

_REQUIREMENT = re.compile(rb"(?mi)^Requires-Dist:\s*([a-z0-9][\w.-]*)")


def state_of(plugin: Plugin) -> str:
    """Stands for all that decides what a plugin's signatures are: 16 hexadecimal digits."""
    core = Path(__file__).parent.parent
    installed = installed_versions()
    return digest(
        [
            list(sys.version_info[:2]),
            [_stamps(core / name, "*.py") for name in _READERS],
            [plugin.distribution, plugin.version, str(plugin.location)],
            [[entry.kind, entry.name, entry.value] for entry in plugin.entries],
            _stamps(plugin.location, "RECORD"),
            [_stamps(source, "*.py") for source in _sources(plugin)],
            [[name, installed.get(name)] for name in _asked_for(plugin)],
        ]
    )


def digest(value: Any) -> str:
    """Stands for any value that JSON holds: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def installed_versions() -> dict[str, str]:
    """Version by name of every distribution on the path, from the names of their metadata folders."""
    found: dict[str, str] = {}
    for place in sys.path:
        with contextlib.suppress(OSError):
            for child in os.listdir(place or "."):
                stem, dot, suffix = child.rpartition(".")
                name, _, version = stem.partition("-")
                if dot and suffix in ("dist-info", "egg-info"):
                    found.setdefault(normalised(name), version)
    return found


def _asked_for(plugin: Plugin) -> list[str]:
    """The distributions that its metadata asks for, and torch: its components may be theirs, or extend them."""
    for name in ("METADATA", "PKG-INFO"):
        with contextlib.suppress(OSError):
            asked = _REQUIREMENT.findall((plugin.location / name).read_bytes())
            return sorted({"torch", *(normalised(each.decode()) for each in asked)})
    return ["torch"]


def _sources(plugin: Plugin) -> Iterator[Path]:
    """The folders and files that hold its modules, where they may be edited while the version stays."""
    project = project_of(plugin.location)
    if project is None:
        return
    for top in sorted({entry.module.partition(".")[0] for entry in plugin.entries}):
        try:
            spec = importlib.util.find_spec(top)
        except Exception:  # a finder that some package installed: it may raise anything, and then nothing is known
            continue
        if spec is not None:
            places = spec.submodule_search_locations or [spec.origin or ""]
            yield from (path for place in places if place and project in (path := Path(place).resolve()).parents)


def _stamps(place: Path, pattern: str) -> Sequence[tuple[str, int, int]]:
    """Name, time and size of the files of a folder at any depth; of a file, its own."""
    stamps = []
    for file in [place] if place.is_file() else sorted(place.rglob(pattern)):
        with contextlib.suppress(OSError):
            told = file.stat()
            stamps.append((str(file), told.st_mtime_ns, told.st_size))
    return stamps
