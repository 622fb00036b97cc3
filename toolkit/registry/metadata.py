"""Reads the two files of package metadata that matter here: ``entry_points.txt`` and the headers of ``METADATA``.

Takes bytes and never raises: what cannot be read becomes a sentence among the problems. Imports neither
``importlib.metadata`` nor ``email``, which take longer to import than the whole scan does; ``packaging`` only for a
requirement with a marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from toolkit.errors import nearest
from toolkit.registry.entry import CASES, CORE, HOOKS, KIND_OF_GROUP, RECIPES, Entry
from toolkit.registry.names import as_component_name, is_component_name, is_dotted, normalised

PREFIX = "toolkit."
"""What the names of the toolkit's entry-point groups begin with."""

_GROUPS = (*KIND_OF_GROUP, RECIPES, HOOKS, CASES)
_OBJECT = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attribute>[\w.]+)\s*)?(\[.*\]\s*)?")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(?P<versions>[^;]*)(;(?P<marker>.*))?", re.S)
_VERSIONS = re.compile(r"(\s*(~=|===?|!=|<=?|>=?)\s*v?\d[\w.*+!-]*\s*(,|$))*")


class Offers(NamedTuple):
    """What one ``entry_points.txt`` offers to the toolkit."""

    entries: tuple[Entry, ...]
    recipes: tuple[tuple[str, str], ...]
    hooks: tuple[tuple[str, str], ...]
    cases: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


class Headers(NamedTuple):
    """What is needed of ``METADATA``; a header that is not there is an empty text."""

    name: str
    version: str
    requires_core: str
    problems: tuple[str, ...]


def mentions_toolkit(entry_points: bytes) -> bool:
    """Whether a file of entry points may hold a group of the toolkit's: decided before anything is parsed."""
    return b"[toolkit." in entry_points


def read_entry_points(data: bytes, distribution: str, version: str) -> Offers:
    """The components, recipes, hooks and cases that an ``entry_points.txt`` offers in the groups ``toolkit.*``."""
    problems: list[str] = []
    entries: dict[Entry, None] = {}
    pairs: dict[str, dict[tuple[str, str], None]] = {RECIPES: {}, HOOKS: {}, CASES: {}}
    unknown: set[str] = set()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Offers((), (), (), (), ("entry_points.txt is not UTF-8 text",))
    for group, line in _lines(text):
        if group not in _GROUPS:
            if group not in unknown:
                unknown.add(group)
                problems.append(f"nothing reads the entry-point group {group!r}.{_better_group(group)}")
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        found = _OBJECT.fullmatch(value)
        if not (equals and name and found and is_dotted(found["module"])):
            problems.append(f"{group}: {line!r} is not of the form name = module:attribute")
            continue
        module, attribute = found["module"], found["attribute"] or ""
        if attribute and not is_dotted(attribute):
            problems.append(f"{group}: {line!r} is not of the form name = module:attribute")
        elif group == RECIPES:
            if attribute:
                problems.append(f"{group}: {line!r} names an attribute; recipes lie in a package: name = package.path")
            else:
                pairs[RECIPES][name, module] = None
        elif group == HOOKS:
            pairs[HOOKS][name, f"{module}:{attribute}" if attribute else module] = None
        elif group == CASES:
            if attribute:
                pairs[CASES][name, f"{module}:{attribute}"] = None
            else:
                problems.append(f"{group}: {line!r} names a module, not a list of cases in it: name = module:CASES")
        elif not attribute:
            problems.append(f"{group}: {line!r} names a module, not a component in it: name = module:attribute")
        elif not is_component_name(name):
            problems.append(f"{group}: {name!r} cannot be written in a recipe{_better(name)}")
        else:
            entry = Entry(KIND_OF_GROUP[group], name, f"{module}:{attribute}", distribution, version)
            entries[entry] = None
    problems.extend(_offered_twice(entries))
    return Offers(
        tuple(sorted(entries)),
        tuple(pairs[RECIPES]),
        tuple(pairs[HOOKS]),
        tuple(pairs[CASES]),
        tuple(problems),
    )


def read_headers(data: bytes) -> Headers:
    """Name, version and demand on toolkit-core from the headers of a ``METADATA`` or ``PKG-INFO`` file."""
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return Headers("", "", "", ("its metadata is not UTF-8 text",))
    name = version = ""
    demands: list[str] = []
    problems: list[str] = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon or key[:1].isspace():
            continue
        key, value = key.lower(), value.strip()
        if key == "name":
            name = name or value
        elif key == "version":
            version = version or value
        elif key == "requires-dist":
            try:
                demands.extend(_demand_on_core(value))
            except ValueError:
                problems.append(f"its metadata asks for {value!r}, which cannot be read")
    problems.extend(
        f"its metadata has no {header}" for header, value in (("Name", name), ("Version", version)) if not value
    )
    return Headers(name, version, ",".join(demands), tuple(problems))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line.strip("[]")
        elif line and not line.startswith("#") and group.startswith(PREFIX):
            yield group, line


def _better_group(group: str) -> str:
    # Compared without what all of them begin with, which would make any two of them alike.
    close = nearest(group.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in _GROUPS])
    return f" Did you mean {PREFIX + close!r}?" if close else ""


def _better(name: str) -> str:
    better = as_component_name(name)
    return f"; call it {better!r}" if is_component_name(better) else ""


def _offered_twice(entries: dict[Entry, None]) -> Iterator[str]:
    values: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        values.setdefault((entry.kind, entry.name), []).append(entry.value)
    for (kind, name), offers in values.items():
        if len(offers) > 1:
            yield f"offers the {kind} {name!r} more than once ({', '.join(sorted(offers))}); none of them can be used"


def _demand_on_core(requirement: str) -> Iterator[str]:
    """The version specifier of a requirement on toolkit-core that holds in this environment, if it is one."""
    found = _REQUIREMENT.fullmatch(requirement)
    if found is None or normalised(found["name"]) != CORE:
        return
    versions = found["versions"].strip()
    if versions.startswith("(") and versions.endswith(")"):
        versions = versions[1:-1].strip()
    if found["marker"] and not _holds(found["marker"]):
        return
    if versions.startswith("@") or not versions:
        return
    if not _VERSIONS.fullmatch(versions):
        raise ValueError(requirement)
    yield versions.strip().rstrip(",")


def _holds(marker: str) -> bool:
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    try:
        return Marker(marker).evaluate({"extra": ""})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
        raise ValueError(marker) from error
