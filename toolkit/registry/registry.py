"""The registry: all entries of an environment, and how a name in a recipe finds one of them.

A value that is made and passed, never a global. Reads package metadata and imports no plugin.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.registry import messages
from toolkit.registry.code import code_entry
from toolkit.registry.entry import CORE, KINDS, Entry
from toolkit.registry.errors import AbsentComponent, AmbiguousComponent, BadComponentName, OutdatedPlugin
from toolkit.registry.left_out import LeftOut, asked, refuse_unknown
from toolkit.registry.names import is_component_name, normalised
from toolkit.registry.plugin import Plugin
from toolkit.registry.scan import scan


@dataclass(frozen=True, slots=True)
class Registry:
    """The plugins of one environment and everything they offer."""

    plugins: tuple[Plugin, ...]
    """The core first, the others by name."""
    left_out: tuple[LeftOut, ...] = ()
    """Plugins that are installed too, and not to be used."""

    @classmethod
    def scan(cls, path: Sequence[str | os.PathLike[str]] | None = None) -> Registry:
        """The registry of everything installed on ``path``; nothing is imported.

        Where ``path`` is left out it is ``sys.path``, without the plugins that ``TOOLKIT_PLUGINS`` leaves out.

        Raises:
            RequestError: ``TOOLKIT_PLUGINS`` names a plugin that is not installed, or none at all.
        """
        if path is not None:
            return cls(scan(path))
        found, wanted = cls(scan(sys.path)), asked()
        refuse_unknown(wanted, [plugin.distribution for plugin in found.plugins])
        return found.without(wanted)

    def without(self, names: Mapping[str, str]) -> Registry:
        """The same, of some plugins nothing.

        Args:
            names: by the normalised name of a distribution, what leaves it out; one that is not installed does not
                matter.
        """
        kept = tuple(plugin for plugin in self.plugins if plugin.distribution not in names)
        gone = [LeftOut(each, names[each.distribution]) for each in self.plugins if each not in kept]
        return Registry(kept, (*self.left_out, *gone))

    def plugin(self, distribution: str) -> Plugin | None:
        """The plugin of this name, in any spelling, or None."""
        wanted = normalised(distribution)
        return next((plugin for plugin in self.plugins if plugin.distribution == wanted), None)

    def has(self, distribution: str) -> bool:
        """Whether a plugin of this name is installed, left out or not."""
        return self.plugin(distribution) is not None or self.left_out_plugin(distribution) is not None

    def left_out_plugin(self, distribution: str) -> LeftOut | None:
        """The plugin of this name, in any spelling, if it was left out."""
        wanted = normalised(distribution)
        return next((each for each in self.left_out if each.plugin.distribution == wanted), None)

    def left_out_with(self, name: str, kind: str | None = None) -> LeftOut | None:
        """A plugin that was left out and offers a component of this name, of one kind if given."""
        return next((each for each in self.left_out if _named(each.plugin.entries, name, kind)), None)

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """All entries, of one kind if given; the core's first, then by distribution and name."""
        return tuple(entry for plugin in self.plugins for entry in plugin.entries if kind is None or entry.kind == kind)

    def hidden(self) -> tuple[Entry, ...]:
        """Entries whose short name means the core's component: reachable by their full names only."""
        reserved = {(entry.kind, entry.name) for entry in self.entries() if entry.distribution == CORE}
        return tuple(
            entry for entry in self.entries() if entry.distribution != CORE and (entry.kind, entry.name) in reserved
        )

    def doubled(self) -> dict[tuple[str, str], tuple[Entry, ...]]:
        """By kind and name, the entries that several plugins other than the core offer."""
        offers: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries():
            if entry.distribution != CORE:
                offers.setdefault((entry.kind, entry.name), []).append(entry)
        return {
            key: tuple(entries) for key, entries in offers.items() if len({entry.distribution for entry in entries}) > 1
        }

    def find(
        self,
        kind: str,
        use: str,
        *,
        shipped_by: str = "",
        allow_code: bool = False,
        folder: Path | None = None,
    ) -> Entry:
        """The one entry that ``use`` names; nothing is imported.

        A short name means the core's component, else that of ``shipped_by``, else the only one offered.

        Args:
            kind: what the component is for, one of ``KINDS``.
            use: a short name, ``distribution/name``, ``pkg.mod:Name`` or ``./net.py:Net``.
            shipped_by: the distribution that ships the recipe; empty for a recipe in a file.
            allow_code: whether the last two forms of ``use`` are allowed.
            folder: what ``./net.py`` is relative to (default: the working folder).

        Raises:
            ComponentLookupError: if ``use`` does not lead to exactly one usable entry. The text is the message
                without the place in the recipe.
            ValueError: if ``kind`` is no kind: a mistake in the calling code, not in a recipe.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a kind of component")
        if ":" in use:
            return code_entry(kind, use, allowed=allow_code, folder=folder)
        distribution, slash, name = use.rpartition("/")
        if not is_component_name(name) or bool(slash) != bool(distribution):
            raise BadComponentName(messages.bad_name(kind, use, self))
        if slash:
            return self._only(self._full(kind, distribution, name))
        return self._only(self._short(kind, name, shipped_by))

    def _full(self, kind: str, distribution: str, name: str) -> tuple[Entry, ...]:
        plugin = self.plugin(distribution)
        if plugin is None:
            raise AbsentComponent(messages.absent_plugin(kind, distribution, name, self))
        offers = _offers(plugin.entries, kind, name)
        if not offers:
            raise AbsentComponent(messages.absent_in(plugin, kind, name))
        return offers

    def _short(self, kind: str, name: str, shipped_by: str) -> tuple[Entry, ...]:
        offers = _offers(self.entries(), kind, name)
        if not offers:
            raise AbsentComponent(messages.absent(kind, name, self))
        for preferred in (CORE, normalised(shipped_by)):
            own = tuple(entry for entry in offers if entry.distribution == preferred)
            if own:
                return own
        # A plugin that cannot provide it must not make the name of one that can ambiguous.
        givers = [entry.distribution for entry in offers]
        usable = tuple(
            entry
            for entry in offers
            if givers.count(entry.distribution) == 1 and not self._provider(entry).built_for_another
        )
        return usable or tuple(entry for entry in offers if entry.distribution == givers[0])

    def _only(self, offers: tuple[Entry, ...]) -> Entry:
        entry, provider = offers[0], self._provider(offers[0])
        if len(offers) > 1:
            if offers[1].distribution == entry.distribution:
                raise AmbiguousComponent(messages.offered_twice(provider, offers))
            raise AmbiguousComponent(messages.ambiguous(offers))
        if provider.built_for_another:
            raise OutdatedPlugin(messages.outdated(entry, provider))
        return entry

    def _provider(self, entry: Entry) -> Plugin:
        return next(plugin for plugin in self.plugins if plugin.distribution == entry.distribution)


def _named(entries: Sequence[Entry], name: str, kind: str | None) -> bool:
    return any(name in (entry.name, entry.full_name) and kind in (None, entry.kind) for entry in entries)


def _offers(entries: Sequence[Entry], kind: str, name: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.kind == kind and entry.name == name)
