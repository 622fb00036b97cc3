"""Brings together what is known of all components: from the cache, and from a child process for what is not there.

Imports nothing heavy and no plugin in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from toolkit.registry import Entry, Plugin, Registry
from toolkit.registry.child import in_children
from toolkit.schema import stored
from toolkit.schema.described import BLOCK, Described
from toolkit.schema.known import entries_of, key_of


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
            told = (described or {}).get(key_of(entry))
            if told is not None and entry.kind == BLOCK:
                gathered.blocks[entry.name] = told
            elif told is not None:
                gathered.components[entry] = told
    return gathered


def _read_now(plugins: Sequence[Plugin], gathered: Gathered) -> dict[Plugin, dict[str, Described] | None]:
    """Import all components of some plugins in a child process, and keep what they say."""
    entries = [entry for plugin in plugins for entry in entries_of(plugin)]
    found: dict[str, dict[str, Described]] = {plugin.distribution: {} for plugin in plugins}
    for answer in in_children(entries, "toolkit.schema.describe:describe"):
        told = answer.told or Described(doc="", open=True, problem=answer.reason, arguments={})
        described = Described(**told)  # type: ignore[typeddict-item]  # what `describe` returned, through JSON
        found[answer.entry.distribution][key_of(answer.entry)] = described
        if described["problem"]:
            gathered.broken.append((answer.entry, described["problem"]))
    for plugin in plugins:
        try:
            stored.write(plugin, found[plugin.distribution])
        except OSError as error:
            gathered.not_kept = f"{error.filename or ''}: {error.strerror or error}"
    return {plugin: found[plugin.distribution] for plugin in plugins}
