"""Finds the plugins on a path by reading package metadata, as ``importlib.metadata`` would, and imports none of them.

One listing of each folder and one small file of each distribution: 180 distributions take about 10 ms. Problems with
what is found are told in ``Plugin.problems``; nothing that lies on the path can make the scan fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from toolkit.registry.entry import CORE
from toolkit.registry.metadata import Headers, mentions_toolkit, read_entry_points, read_headers
from toolkit.registry.names import is_distribution_name, normalised
from toolkit.registry.plugin import Plugin


class _Place(NamedTuple):
    """One entry of the path: what lies directly in it, and how to read a file of one of its folders."""

    children: list[str]
    read: Callable[[str], bytes]


class _Found(NamedTuple):
    """One folder of metadata, and its entry points where they may concern the toolkit."""

    folder: str
    entry_points: bytes
    problem: str


def scan(path: Sequence[str | os.PathLike[str]]) -> tuple[Plugin, ...]:
    """All plugins on ``path``, the core first, the others by name; of a distribution found twice, the first."""
    plugins: list[Plugin] = []
    seen: set[str] = set()
    # What is neither text nor a path is ignored on sys.path, and so it is here.
    locations = [os.fspath(each) for each in path if isinstance(each, str | os.PathLike)]
    for location in dict.fromkeys(locations):
        place = _open(location)
        if place is None:
            continue
        for name, folders in _metadata_folders(location, place).items():
            if name not in seen:
                seen.add(name)
                plugins.extend(_plugins(name, folders, location, place))
    core_version = next((plugin.version for plugin in plugins if plugin.distribution == CORE), "")
    plugins = [replace(plugin, core_version=core_version) for plugin in plugins]
    return tuple(sorted(plugins, key=lambda plugin: (plugin.distribution != CORE, plugin.distribution)))


def _open(location: str) -> _Place | None:
    try:
        return _Place(
            os.listdir(location or "."),
            lambda name: _read_file(os.path.join(location, name)),
        )
    except (OSError, ValueError):
        return _open_zip(location) if os.path.isfile(location) else None


def _read_file(name: str) -> bytes:
    with open(name, "rb", buffering=0) as file:
        return file.read()


def _open_zip(location: str) -> _Place | None:
    import zipfile

    try:
        with zipfile.ZipFile(location) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return None

    def read(name: str) -> bytes:
        try:
            with zipfile.ZipFile(location) as archive:
                return archive.read(name.replace(os.sep, "/"))
        except KeyError:
            raise FileNotFoundError(name) from None
        except Exception as error:  # zlib.error, BadZipFile, RuntimeError (encrypted), NotImplementedError (method)
            raise OSError(str(error)) from error

    return _Place(list(dict.fromkeys(name.split("/", 1)[0] for name in names)), read)


def _metadata_folders(location: str, place: _Place) -> dict[str, list[str]]:
    """The folders of metadata in one place by normalised distribution name, in the order they are listed."""
    folders: dict[str, list[str]] = {}
    egg = os.path.basename(location)
    for child in place.children:
        stem, dot, suffix = child.rpartition(".")
        if suffix.lower() in ("dist-info", "egg-info") and dot:
            folders.setdefault(normalised(stem.partition("-")[0]), []).append(child)
        elif egg.lower().endswith(".egg") and child.lower() == "egg-info":
            folders.setdefault(normalised(egg.partition("-")[0]), []).append(child)
    return folders


def _plugins(name: str, folders: list[str], location: str, place: _Place) -> Iterator[Plugin]:
    """The plugin that a distribution is, or nothing if it offers nothing to the toolkit."""
    found = [_look(folder, place) for folder in folders]
    if not any(each.entry_points or each.problem for each in found):
        return
    # As in importlib.metadata the first one listed counts, though an interrupted upgrade may have left several.
    first = found[0]
    problems = [first.problem] if first.problem else []
    if len(found) > 1:
        others = ", ".join(_printable(folder) for folder in folders[1:])
        problems.append(f"its metadata lies there more than once (also {others}); install it again")
    where = Path(os.path.abspath(os.path.join(location, first.folder)))
    if not is_distribution_name(name):
        problems.append(
            f"{_printable(first.folder)!r} does not begin with a distribution's name; nothing of it is offered"
        )
        yield Plugin(_printable(name), "", where, problems=tuple(problems))
        return
    headers = _headers(first.folder, place)
    if headers.name and normalised(headers.name) != name:
        problems.append(f"its metadata calls it {headers.name!r}")
    version = headers.version or _printable(first.folder.rpartition(".")[0].partition("-")[2])
    offers = read_entry_points(first.entry_points, name, version)
    yield Plugin(
        name,
        version,
        where,
        offers.entries,
        offers.recipes,
        offers.hooks,
        offers.cases,
        headers.requires_core,
        problems=(*problems, *headers.problems, *offers.problems),
    )


def _look(folder: str, place: _Place) -> _Found:
    try:
        data = place.read(os.path.join(folder, "entry_points.txt"))
    except (FileNotFoundError, NotADirectoryError):
        return _Found(folder, b"", "")
    except OSError as error:
        return _Found(folder, b"", f"its entry_points.txt cannot be read: {error.strerror or error}")
    return _Found(folder, data if mentions_toolkit(data) else b"", "")


def _headers(folder: str, place: _Place) -> Headers:
    file = "METADATA" if folder.lower().endswith(".dist-info") else "PKG-INFO"
    try:
        return read_headers(place.read(os.path.join(folder, file)))
    except FileNotFoundError:
        return Headers("", "", "", (f"its {file} is missing",))
    except OSError as error:
        return Headers("", "", "", (f"its {file} cannot be read: {error.strerror or error}",))


def _printable(name: str) -> str:
    """A file's name that can be written to any UTF-8 stream, also where it is not UTF-8 itself."""
    return os.fsencode(name).decode("utf-8", "replace")
