"""Finds what installed plugins offer, from package metadata alone, and imports a component when it is asked for.

Imports neither torch nor any plugin.
"""

from toolkit.registry.entry import CASES, CORE, HOOKS, KINDS, RECIPES, Component, Entry, group, with_article
from toolkit.registry.errors import (
    AbsentComponent,
    AmbiguousComponent,
    BadComponentName,
    BrokenComponent,
    CodeNotAllowed,
    ComponentLookupError,
    OutdatedPlugin,
)
from toolkit.registry.kinds import ABOUT
from toolkit.registry.left_out import LeftOut
from toolkit.registry.loading import load
from toolkit.registry.plugin import Plugin
from toolkit.registry.registry import Registry

__all__ = [
    "ABOUT",
    "CASES",
    "CORE",
    "HOOKS",
    "KINDS",
    "RECIPES",
    "AbsentComponent",
    "AmbiguousComponent",
    "BadComponentName",
    "BrokenComponent",
    "CodeNotAllowed",
    "Component",
    "ComponentLookupError",
    "Entry",
    "LeftOut",
    "OutdatedPlugin",
    "Plugin",
    "Registry",
    "group",
    "load",
    "with_article",
]
