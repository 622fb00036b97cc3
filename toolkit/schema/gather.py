"""Brings together what is known of all components: from the cache, and from a child process for what is not there.

Imports nothing heavy and no plugin in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from toolkit.registry import CORE, Entry, Plugin, Registry
from toolkit.registry.child import in_children
from toolkit.schema import stored
from toolkit.schema.described import BLOCK, BLOCKS, Described


@dataclass
class Gathered:
    """What is known of an environment's components and of the core's own blocks."""

    components: dict[Entry, Described] = field(default_factory=dict)
    blocks: dict[str, Described] = field(default_factory=dict)
    broken: list[tuple[Entry, str]] = field(default_factory=list)
    """What was imported just now and could not be, with the reason."""
    not_kept: str = ""
    """Why the cache could not be written; empty if it could, or nothing was new."""


def gather(registry: Registry, reading: Callable[[Sequence[Plugin]], None] = lambda plugins: None) -> Gathered:
    """Everything about every component that can be used.

    Args:
        registry: what is installed.
        reading: told the plugins whose components are imported now, in a child process, before that takes seconds.
    """
    plugins = [plugin for plugin in registry.plugins if not plugin.built_for_another and entries_of(plugin)]
    known = {plugin: stored.read(plugin) for plugin in plugins}
    unknown = [plugin for plugin in plugins if known[plugin] is None]
    gathered = Gathered()
    if unknown:
        reading(unknown)
        known |= _read_now(unknown, gathered)
    for plugin, described in known.items():
        for entry in entries_of(plugin):
            told = (described or {}).get(_key(entry))
            if told is not None and entry.kind == BLOCK:
                gathered.blocks[entry.name] = told
            elif told is not None:
                gathered.components[entry] = told
    return gathered


class Known:
    """What the cache holds of single components; each plugin's file is read when it is first asked for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plugins: dict[str, dict[str, Described]] = {}

    def of(self, entry: Entry) -> Described | None:
        """One component; None where nothing is known, and nothing is imported to know it."""
        if entry.distribution not in self._plugins:
            plugin = self._registry.plugin(entry.distribution)
            self._plugins[entry.distribution] = (stored.read(plugin) or {}) if plugin is not None else {}
        return self._plugins[entry.distribution].get(_key(entry))


def entries_of(plugin: Plugin) -> tuple[Entry, ...]:
    """A plugin's components; of the core also its own blocks."""
    if plugin.distribution != CORE:
        return plugin.entries
    return (*plugin.entries, *(block_entry(name, plugin.version) for name in BLOCKS))


def block_entry(name: str, version: str = "") -> Entry:
    """A block of the core's own as an entry, so that it is read and kept as components are."""
    return Entry(BLOCK, name, BLOCKS[name], CORE, version)


def _read_now(plugins: Sequence[Plugin], gathered: Gathered) -> dict[Plugin, dict[str, Described] | None]:
    """Import all components of some plugins in a child process, and keep what they say."""
    entries = [entry for plugin in plugins for entry in entries_of(plugin)]
    found: dict[str, dict[str, Described]] = {plugin.distribution: {} for plugin in plugins}
    for answer in in_children(entries, "toolkit.schema.describe:describe"):
        told = answer.told or Described(doc="", open=True, problem=answer.reason, arguments={})
        described = Described(**told)  # type: ignore[typeddict-item]  # what `describe` returned, through JSON
        found[answer.entry.distribution][_key(answer.entry)] = described
        if described["problem"]:
            gathered.broken.append((answer.entry, described["problem"]))
    for plugin in plugins:
        try:
            stored.write(plugin, found[plugin.distribution])
        except OSError as error:
            gathered.not_kept = f"{error.filename or ''}: {error.strerror or error}"
    return {plugin: found[plugin.distribution] for plugin in plugins}


def _key(entry: Entry) -> str:
    return f"{entry.kind}:{entry.name}"
