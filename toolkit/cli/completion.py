"""What the shell offers when the Tab key is pressed. Reads metadata, recipes, and from the cache what signatures say;
imports no torch and no plugin.

Candidates for an override are whole words, ``model=mlp``: where several begin with ``model=``, the shell writes just
that much, without the space it puts behind a finished word.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import NoneType
from typing import TYPE_CHECKING

import typer

from toolkit.cli.argument_names import AWKWARD
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.recipe import Recipe
    from toolkit.registry import Registry


def recipe(incomplete: str) -> list[str]:
    """Names of recipes. Files are left to the shell, which completes them where nothing is offered."""
    from toolkit.recipe import list_recipes
    from toolkit.registry import Registry

    return _beginning(incomplete, [each.name for each in list_recipes(Registry.scan())])


def shown(incomplete: str) -> list[str]:
    """What ``show`` takes: recipes and components."""
    from toolkit.registry import Registry

    names = [name for each in _names(Registry.scan()).values() for name in each]
    return [*recipe(incomplete), *_beginning(incomplete, names)]


def listed(incomplete: str) -> list[str]:
    """What ``ls`` takes: kinds."""
    from toolkit.registry import KINDS, group

    return _beginning(incomplete, ["recipes", *(group(kind).removeprefix("toolkit.") for kind in KINDS)])


def kind(incomplete: str) -> list[str]:
    """The kinds of component."""
    from toolkit.registry import KINDS

    return _beginning(incomplete, KINDS)


def choice(incomplete: str) -> list[str]:
    """What `new` can begin a plugin with."""
    from toolkit.scaffold import CHOICES

    return _beginning(incomplete, CHOICES)


def plugin(incomplete: str) -> list[str]:
    """Names of installed plugins."""
    from toolkit.registry import Registry

    return _beginning(incomplete, [each.distribution for each in Registry.scan().plugins])


def run(incomplete: str) -> list[str]:
    """Runs, the newest first."""
    from toolkit.tracking.folder import list_runs

    return _beginning(incomplete, ["last", *(each.id for each in list_runs())])


def override(ctx: typer.Context, incomplete: str) -> list[str]:
    """``key=value``: keys of the grammar and of the recipe named before, and what may stand behind ``=``."""
    given = list(ctx.params.get("overrides") or ())
    name = str(ctx.params.get("recipe") or ctx.params.get("name") or "")
    # bash breaks words at `=` and completes only what stands behind it.
    if given[-1:] == ["="]:
        key, before = "".join(given[-2:-1]), given[:-2]
    elif not incomplete and _bash_word() == "=":
        key, before = "".join(given[-1:]), given[:-1]
    else:
        return _keys_and_values(name, given, incomplete)
    return [word.partition("=")[2] for word in _keys_and_values(name, before, f"{key}={incomplete}")]


def key(ctx: typer.Context, incomplete: str) -> list[str]:
    """A key of the recipe named before."""
    from toolkit.registry import Registry

    # An option without its value stops the parser: then the words before it are arguments still.
    name = ctx.params.get("name") or next(iter(ctx.args), "")
    return _beginning(incomplete, _written(_loaded(str(name), [], Registry.scan())))


def _keys_and_values(name: str, before: list[str], incomplete: str) -> list[str]:
    from toolkit.cli.argument_names import argument_names
    from toolkit.recipe.grammar import BLOCKS, COLLECTIONS, ENGINE_KEYS, TOP_LEVEL
    from toolkit.recipe.loader import LOADER_KEYS
    from toolkit.registry import Registry

    if not incomplete:
        # A list to read rather than to choose from: every key once.
        leaves = (*BLOCKS, "seed")
        return [key if key in leaves else f"{key}." for key in TOP_LEVEL if key not in ("extends", "expect")]
    registry = Registry.scan()
    loaded = _loaded(name, before, registry)
    written = _written(loaded)
    names = _names(registry)
    labels = [
        ".".join((*map(str, path), use)) for path, kind in COLLECTIONS.items() for use in names[kind] if "/" not in use
    ]
    return _beginning(
        incomplete,
        [
            *(f"{key}={value}" for key, value in written.items() if not key.endswith(".use")),
            *(f"{kind}={use}" for kind in BLOCKS for use in names[kind]),
            *(f"{label}={'null' if f'{label}.use' in written else '{}'}" for label in labels),
            *(f"loader.{each}=" for each in LOADER_KEYS if f"loader.{each}" not in written),
            *(f"engine.{each}=" for each in ENGINE_KEYS if f"engine.{each}" not in written),
            *argument_names(loaded, incomplete, written, registry),
        ],
    )


def _loaded(name: str, before: list[str], registry: Registry) -> Recipe | None:
    """The recipe with the overrides that stand before the cursor; None for an unreadable one."""
    from toolkit.recipe import load
    from toolkit.recipe.overrides import spaced_apart

    if not name:
        return None
    try:
        return load(name, ["".join(words) for _, words in spaced_apart(before)], registry=registry)
    except ToolkitError:
        return None


def _written(loaded: Recipe | None) -> dict[str, str]:
    """Every key of a recipe that holds one value, with that value as one would type it."""
    from toolkit.cli.leaves import dotted, leaves
    from toolkit.recipe.scalars import write_scalar

    if loaded is None:
        return {}
    values = {path: loaded.get(*path) for path in leaves(loaded) if path[0] != "expect"}
    return {
        dotted(path): write_scalar(value)
        for path, value in values.items()
        if isinstance(value, (str, int, float, NoneType))
    }


def _names(registry: Registry) -> dict[str, list[str]]:
    """By kind, the names that lead to components: the short one where that is enough."""
    from toolkit.registry import KINDS
    from toolkit.schema.names import names_of

    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for entry, names in names_of(registry).items():
        found[entry.kind].append(names[0])
    return found


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """The names that begin with what was typed, once each and sorted; none that a shell would break into words."""
    return sorted({name for name in names if name.startswith(incomplete) and not set(name) & AWKWARD})


def _bash_word() -> str:
    """The word under the cursor as bash sees it."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    place = os.environ.get("COMP_CWORD", "")
    return words[int(place)] if place.isdecimal() and int(place) < len(words) else ""
