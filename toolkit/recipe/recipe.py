"""The recipe: frozen plain values, and where each of them was written. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.errors import Place, Problem
from toolkit.recipe.node import DEFAULT, KeyPath


@dataclass(frozen=True, slots=True)
class Recipe:
    """One loaded recipe: every layer applied, every reference resolved, nothing imported or checked yet.

    Every component position of ``values`` reads ``{use: NAME, ...arguments}``.
    """

    name: str
    """``vision/digits``; for a file, its name without ``.yaml``. Fit for a folder's name."""
    file: Path
    distribution: str
    """Who ships it, or an empty string for a file of the user's."""
    header: str
    """The comment it begins with."""
    extends: tuple[str, ...]
    """Its parents, nearest first."""
    values: Mapping[str, Any]
    """Deeply frozen: mappings are read-only and lists are tuples."""
    folders: Mapping[str, Path]
    """Those of its file and of its parents', by the file's name in `places`."""
    places: Mapping[KeyPath, Place]
    key_places: Mapping[KeyPath, Place]
    written: Mapping[KeyPath, str]
    """The text of every value that held a reference such as ``${seed}``, as it was written."""
    from_env: frozenset[KeyPath]
    """The values whose resolution touched the environment: they are saved as written, never by value."""
    env_names: tuple[str, ...]
    """The environment variables the recipe read."""
    overrides: tuple[str, ...]
    allow_code: bool
    problems: tuple[Problem, ...]
    """What is wrong with overrides and references; `check` reports it with what it finds itself."""

    @property
    def title(self) -> str:
        """The first line of the header, and what its last sentence needs of the lines below."""
        lines = self.header.partition("\n\n")[0].split("\n")
        ends = next((number for number, line in enumerate(lines) if line.endswith((".", "!", "?"))), 0)
        return " ".join(lines[: ends + 1])

    @property
    def folder(self) -> Path:
        """The folder of the recipe's file."""
        return self.file.parent

    def folder_of(self, *path: str | int) -> Path:
        """What ``./net.py`` at a path is relative to: its file's folder, or the current one for an override's."""
        if self.is_override(*path):
            return Path.cwd()
        return self.folders.get(self.place(*path).source, self.folder)

    def is_override(self, *path: str | int) -> bool:
        """Whether the value at a path was given in an override, and not written in a file."""
        place = self.place(*path)
        return place.line is None and place != DEFAULT

    def get(self, *path: str | int, default: Any = None) -> Any:
        """The value at a path such as ``"optimizer", "lr"``, or ``default`` where there is none."""
        found: Any = self.values
        for part in path:
            if not isinstance(found, (Mapping, tuple)) or isinstance(found, tuple) == isinstance(part, str):
                return default
            try:
                found = found[part]  # type: ignore[index]  # a tuple only with a number, by the line above
            except (KeyError, IndexError):
                return default
        return found

    def place(self, *path: str | int) -> Place:
        """Where the value at a path was written; for one that nobody wrote, where the nearest block around it was."""
        return _nearest(self.places, path)

    def key_place(self, *path: str | int) -> Place:
        """Where the key of a path was written."""
        return _nearest(self.key_places, path)

    def plain(self) -> dict[str, Any]:
        """The values as new dicts and lists, free to change."""
        return {key: thaw(value) for key, value in self.values.items()}

    def as_written(self, changes: Mapping[KeyPath, Any] | None = None) -> dict[str, Any]:
        """The values as a page that is loaded again may hold them, with ``changes`` set at their paths.

        A value that touched the environment is the reference that was written, never what was read, and ``${`` in
        a text is escaped.
        """
        values = self.plain()
        for path, value in (changes or {}).items():
            _set(values, path, value)
        escaped: dict[str, Any] = _escaped(values)
        # The longest path first: what a reference to a mapping stands for is forgotten last.
        for path in sorted(self.from_env & self.written.keys(), key=len, reverse=True):
            _set(escaped, path, self.written[path])
        return escaped


def freeze(value: Any) -> Any:
    """Dicts as read-only mappings and lists as tuples, all the way down."""
    if isinstance(value, dict):
        return MappingProxyType({key: freeze(child) for key, child in value.items()})
    if isinstance(value, list):
        return tuple(freeze(child) for child in value)
    return value


def thaw(value: Any) -> Any:
    """The reverse of `freeze`: new dicts and lists."""
    if isinstance(value, Mapping):
        return {key: thaw(child) for key, child in value.items()}
    if isinstance(value, tuple):
        return [thaw(child) for child in value]
    return value


def _set(values: Any, path: KeyPath, value: Any) -> None:
    for part in path[:-1]:
        values = values[part]
    values[path[-1]] = value


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_escaped(child) for child in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value


def _nearest(places: Mapping[KeyPath, Place], path: KeyPath) -> Place:
    for end in range(len(path), -1, -1):
        if path[:end] in places:
            return places[path[:end]]
    return DEFAULT
