"""What the cache holds, and which entries it holds it of. Imports nothing heavy and no plugin."""

from __future__ import annotations

from toolkit.registry import CORE, Entry, Plugin, Registry
from toolkit.schema import stored
from toolkit.schema.described import BLOCK, BLOCKS, Described


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
        return self._plugins[entry.distribution].get(key_of(entry))


def entries_of(plugin: Plugin) -> tuple[Entry, ...]:
    """A plugin's components; of the core also its own blocks."""
    if plugin.distribution != CORE:
        return plugin.entries
    return (*plugin.entries, *(block_entry(name, plugin.version) for name in BLOCKS))


def block_entry(name: str, version: str = "") -> Entry:
    """A block of the core's own as an entry, so that it is read and kept as components are."""
    return Entry(BLOCK, name, BLOCKS[name], CORE, version)


def key_of(entry: Entry) -> str:
    """What an entry is kept by: ``model:small_cnn``."""
    return f"{entry.kind}:{entry.name}"
