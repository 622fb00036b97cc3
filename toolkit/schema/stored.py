"""Keeps what the signatures of a plugin say in the cache folder: importing all plugins takes seconds, reading it none.

A file belongs to one state of one plugin. It appears whole or not at all, so that several processes may write it at
once, and one that was damaged counts as absent. Imports nothing heavy and no plugin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from toolkit.data.download import cache_folder
from toolkit.registry import Plugin
from toolkit.schema.described import Described
from toolkit.schema.state import digest, installed_versions, state_of
from toolkit.tracking.files import write_atomic

FOLDER = "signatures"
"""The folder inside the cache."""

KEPT = 8
"""Files of one plugin that are kept: several environments share the folder, and sources are edited."""


def read(plugin: Plugin) -> dict[str, Described] | None:
    """What is known of the components of a plugin as it is installed now, by ``kind:name``; None if nothing is."""
    try:
        data = _file(plugin).read_bytes()
    except OSError:
        return None
    checksum, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    kept = json.loads(body)
    if kept["beside"] and kept["beside"] != _beside():
        return None
    described: dict[str, Described] = kept["described"]
    return described


def write(plugin: Plugin, described: Mapping[str, Described]) -> None:
    """Keep what was read of a plugin. Raises OSError where nothing can be written."""
    # What could not be imported may be once another package is there.
    broken = any(each["problem"] for each in described.values())
    kept = {"beside": _beside() if broken else "", "described": described}
    body = json.dumps(kept, separators=(",", ":")).encode()
    file = _file(plugin)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    states = f"{plugin.distribution}-{'[0-9a-f]' * 16}.json"
    for old in sorted(file.parent.glob(states), key=_written, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)


def _file(plugin: Plugin) -> Path:
    return cache_folder() / FOLDER / f"{plugin.distribution}-{state_of(plugin)}.json"


def _beside() -> str:
    return digest(sorted(installed_versions().items()))


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another process has removed it
        return 0.0
