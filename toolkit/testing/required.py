"""Which other plugins a plugin says it needs: they are there wherever it is installed. Imports nothing heavy."""

from __future__ import annotations

from importlib.metadata import PathDistribution

from packaging.requirements import InvalidRequirement, Requirement

from toolkit.registry import CORE, Plugin, Registry
from toolkit.registry.names import normalised


def with_required(distribution: str, registry: Registry) -> frozenset[str]:
    """The names of the core, of a plugin, and of the plugins that it requires, or that those require.

    Args:
        distribution: the plugin's normalised name.
        registry: of all plugins that are installed.
    """
    found, left = {CORE, distribution}, [distribution]
    while left:
        plugin = registry.plugin(left.pop())
        new = _required(plugin) - found if plugin is not None else set()
        found |= new
        left.extend(new)
    return frozenset(found)


def _required(plugin: Plugin) -> set[str]:
    """The distributions that a plugin's metadata ask for in this environment, extras apart."""
    names = set()
    for line in PathDistribution(plugin.location).requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # nothing that could be installed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.add(normalised(requirement.name))
    return names
