"""Whether a plugin can be called so, and whether anything is called so already. Imports no plugin."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import RequestError
from toolkit.registry.names import is_component_name, is_distribution_name

if TYPE_CHECKING:
    from toolkit.registry import Registry


@dataclass(frozen=True, slots=True)
class Names:
    """What a new plugin is called."""

    distribution: str
    """As pip calls it (PEP 503), and as its folder is called: ``acme-nets``."""

    @property
    def package(self) -> str:
        """As Python imports it, and as its components' names begin: ``acme_nets``."""
        return self.distribution.replace("-", "_")


def check_name(name: str) -> Names:
    """The names that follow from the one that was typed.

    Raises:
        RequestError: no distribution, or no package, can be called so; the message has a name that can.
    """
    # The shell's completion puts a slash behind the name of a folder that is there.
    *folders, last = re.split(r"[/\\]", name.rstrip("/\\"))
    meant = _meant(last)
    if folders:
        raise RequestError(
            f"{name!r} is a path, and a plugin is written into a folder of its name here: "
            f"go to where it shall lie, then type: toolkit new {meant}"
        )
    advice = f"Type: toolkit new {meant}"
    if not is_distribution_name(name):
        raise RequestError(
            f"a distribution cannot be called {name!r}: its name is small letters and digits, with - between them "
            f"(PEP 503). {advice}"
        )
    names = Names(name)
    if not is_component_name(names.package) or keyword.iskeyword(names.package):
        raise RequestError(f"Python cannot import a package that is called {names.package!r}. {advice}")
    return names


def _meant(name: str) -> str:
    """A name that can be, and that ``name`` was most likely meant to be."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    parts = re.findall(r"[a-z0-9]+", words)
    # What begins with a digit can be installed and not imported.
    letters = [part for part in parts if part[0].isalpha()]
    meant = "-".join([*letters, *(part for part in parts if part not in letters)] if letters else ["acme", *parts])
    return f"{meant}-plugin" if keyword.iskeyword(meant) else meant


def check_free(
    names: Names, components: Iterable[tuple[str, str]], recipes: Iterable[str], parent: Path, registry: Registry
) -> None:
    """Make sure that nothing of this name is there.

    Args:
        names: what the plugin will be called.
        components: kind and name of what it will offer.
        recipes: names of the recipes that it will ship.
        parent: the folder that the plugin's is made in.
        registry: what is installed.

    Raises:
        RequestError: there is, and the message says where.
    """
    from toolkit.recipe import list_recipes

    advice = "Choose another name: toolkit new NAME"
    if os.path.lexists(parent / names.distribution):
        raise RequestError(
            f"{names.distribution} exists already, and nothing is written over. Remove it, or choose another name: "
            "toolkit new NAME"
        )
    plugin = registry.plugin(names.distribution)
    if plugin is not None:
        raise RequestError(f"a plugin that is called {plugin} is installed already ({plugin.location}). {advice}")
    try:
        version = importlib.metadata.version(names.distribution)
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        raise RequestError(
            f"a distribution that is called {names.distribution} {version} is installed already. {advice}"
        )
    found = importlib.util.find_spec(names.package)  # of a name without a dot: nothing is imported
    if found is not None:
        place = f" ({found.origin})" if found.origin else ""
        raise RequestError(f"`import {names.package}` finds another package already{place}. {advice}")
    offered = {(entry.kind, entry.name): entry for entry in registry.entries()}
    for kind, name in components:
        if (kind, name) in offered:
            entry = offered[kind, name]
            raise RequestError(f"{entry.distribution} offers the {kind} {name!r} already. {advice}")
    shipped = {file.name: file for file in list_recipes(registry)}
    for name in recipes:
        if name in shipped:
            raise RequestError(f"{shipped[name].distribution} ships a recipe {name!r} already. {advice}")
