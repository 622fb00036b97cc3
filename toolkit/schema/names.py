"""The names that lead to components in a recipe of one's own. Imports nothing heavy and no plugin."""

from __future__ import annotations

from toolkit.registry import Entry, Registry


def names_of(registry: Registry) -> dict[Entry, tuple[str, ...]]:
    """By component, the names that lead to it: the short one where that is enough, and the full one."""
    doubled = {entry for offers in registry.doubled().values() for entry in offers}
    full_only = {*registry.hidden(), *doubled}
    return {
        entry: (entry.full_name,) if entry in full_only else (entry.name, entry.full_name)
        for plugin in registry.plugins
        if not plugin.built_for_another
        for entry in plugin.entries
    }
