"""What the registry says when a name leads nowhere, or to several components: what there is, what to type next.

Imports no plugin and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import did_you_mean, nearest, shown_path
from toolkit.registry import first_party
from toolkit.registry.entry import CORE, Entry, with_article
from toolkit.registry.names import as_component_name, normalised
from toolkit.registry.plugin import Plugin
from toolkit.registry.sources import named_since

if TYPE_CHECKING:
    from toolkit.registry.registry import Registry

_COUNTS = {2: "two", 3: "three", 4: "four"}


def bad_name(kind: str, use: str, registry: Registry) -> str:
    """``use`` has none of the forms it may have."""
    text = f"{use!r} cannot be the name of {with_article(kind)}"
    if use.startswith(("./", "../", "/")) or use.endswith(".py"):
        return f"{text}. A file is named together with the class or function in it: ./net.py:Net"
    meant = as_component_name(use.rpartition("/")[2])
    offered = {entry.name for entry in registry.entries(kind)}
    better = nearest(meant, offered)
    hint = f" Did you mean {better!r}?" if better else _from_first_party(kind, meant, registry)
    return f"{text}: names are small letters, digits and _, and begin with a letter.{hint}"


def absent(kind: str, name: str, registry: Registry) -> str:
    """Nobody offers this kind and name. The surest reason that is found is given, and no other."""
    left_out = registry.left_out_with(name, kind)
    if left_out is not None:
        return f"the {kind} {name!r} is of a plugin that is not used here: {left_out}"
    return f"no installed plugin offers the {kind} {name!r}.{_reason(kind, name, registry)}"


def _reason(kind: str, name: str, registry: Registry) -> str:
    # What has exactly this name tells more than what has nearly this name.
    provider = first_party.provider(kind, name)
    if provider and not registry.has(provider):
        return f" {provider} offers it: {first_party.how_to_install(provider)}"
    for plugin in registry.plugins:
        project = named_since(plugin, kind, name)
        if project is not None:
            return f" {_installed_before(plugin, project)}"
    others = [entry.kind for entry in registry.entries() if entry.name == name]
    others += [other for other, dist in first_party.kinds_with(name) if not registry.has(dist)]
    if others:
        return _of_other_kind(name, others, kind)
    meant = did_you_mean(name, {entry.name for entry in registry.entries(kind)})
    if meant:
        return meant
    meant = _from_first_party(kind, name, registry)
    if meant:
        return meant
    if registry.plugin(CORE) is None:
        return f" {CORE} itself is not installed in this environment, so that nothing of it is offered."
    troubled = [str(plugin) for plugin in registry.plugins if plugin.problems]
    if troubled:
        return f" There are problems with {' and '.join(troubled)}: `toolkit plugins` tells them."
    return " `toolkit ls` lists what there is."


def _installed_before(plugin: Plugin, project: Path) -> str:
    return (
        f"The pyproject.toml of {plugin.distribution} names it, and is read when the package is installed: "
        f"pip install -e {shown_path(project)}"
    )


def _from_first_party(kind: str, name: str, registry: Registry) -> str:
    """A hint at the nearest name that a first-party plugin which is not installed offers, or an empty text."""
    missing = {
        offered: distribution
        for distribution, kinds in first_party.FIRST_PARTY.items()
        if not registry.has(distribution)
        for offered in kinds.get(kind, ())
    }
    close = nearest(name, missing)
    if not close:
        return ""
    return f" Did you mean {close!r}? {missing[close]} offers it: {first_party.how_to_install(missing[close])}"


def _of_other_kind(name: str, others: Iterable[str], kind: str) -> str:
    kinds = " and ".join(with_article(other) for other in dict.fromkeys(others))
    return f" {name!r} is {kinds}, not {with_article(kind)}."


def absent_plugin(kind: str, distribution: str, name: str, registry: Registry) -> str:
    """The distribution of a full name is not installed, or offers nothing."""
    wanted = normalised(distribution)
    left_out = registry.left_out_plugin(wanted)
    if left_out is not None:
        return f"the {kind} {name!r} is of a plugin that is not used here: {left_out}"
    text = f"no installed plugin is called {wanted!r}."
    if wanted in first_party.FIRST_PARTY:
        return f"{text} It is one of the toolkit's own: {first_party.how_to_install(wanted)}"
    close = nearest(wanted, [plugin.distribution for plugin in registry.plugins])
    if close:
        return f"{text} Did you mean '{close}/{name}'?"
    offers = [entry.full_name for entry in registry.entries(kind) if entry.name == name]
    if offers:
        return f"{text} Did you mean {offers[0]!r}?"
    return f"{text} `toolkit plugins` lists those that are."


def absent_in(plugin: Plugin, kind: str, name: str) -> str:
    """The distribution of a full name is there and does not offer this kind and name."""
    text = f"{plugin} offers no {kind} {name!r}."
    others = [entry.kind for entry in plugin.entries if entry.name == name]
    if others:
        return text + _of_other_kind(name, others, kind)
    project = named_since(plugin, kind, name)
    if project is not None:
        return f"{text} {_installed_before(plugin, project)}"
    full_names = {entry.name: entry.full_name for entry in plugin.entries if entry.kind == kind}
    close = nearest(name, full_names)
    if close:
        return f"{text} Did you mean {full_names[close]!r}?"
    if plugin.problems:
        return f"{text} There are problems with {plugin}: `toolkit plugins` tells them."
    return f"{text} `toolkit ls` lists what there is."


def ambiguous(offers: tuple[Entry, ...]) -> str:
    """Several plugins offer this kind and name."""
    width = max(len(entry.full_name) for entry in offers) + 4
    lines = [f"  use: {entry.full_name:<{width}}({entry.provider})" for entry in offers]
    count = _COUNTS.get(len(offers), str(len(offers)))
    return "\n".join(
        [
            f"{count} installed plugins offer {offers[0].name!r}:",
            *lines,
            "Put one of these lines in the recipe.",
        ]
    )


def offered_twice(plugin: Plugin, offers: tuple[Entry, ...]) -> str:
    """One plugin offers this kind and name more than once, so that even the full name is ambiguous."""
    values = ", ".join(entry.value for entry in offers)
    return (
        f"{plugin} offers the {offers[0].kind} {offers[0].name!r} more than once ({values}).\n"
        "None of them can be used until its author gives each a name of its own."
    )


def outdated(entry: Entry, plugin: Plugin) -> str:
    """The plugin says itself that it does not go with the installed core."""
    return f"{entry} {for_another(plugin)}"


def for_another(plugin: Plugin) -> str:
    """The same of whatever it offers, as the end of a sentence that begins with that."""
    own = plugin.distribution in first_party.FIRST_PARTY
    install = first_party.how_to_install(plugin.distribution) if own else f"pip install --upgrade {plugin.distribution}"
    return (
        "was built for another toolkit version: "
        f"{plugin} asks for {CORE} {plugin.requires_core}, and {plugin.core_version} is installed.\n"
        f"Install a version of it that goes with this one: {install}"
    )
