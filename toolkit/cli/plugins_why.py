"""Where a name comes from, what it means when it is written short, and what it hides. Imports no plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from toolkit.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from toolkit.recipe import RecipeFile
    from toolkit.registry import Entry, Plugin, Registry


@dataclass(frozen=True, slots=True)
class Origin:
    """One thing that has the name. The fields are the keys of the JSON."""

    kind: str
    """A kind of component, ``recipe``, ``hook`` (a moment of a run, or an entry of listeners) or ``plugin``."""
    name: str
    full_name: str
    """How it is named beyond doubt; empty for hooks, which no recipe names."""
    plugin: str
    version: str
    value: str
    """``module:attribute``, or the package of a recipe; empty for a plugin."""
    file: str
    """Empty where none can be seen without an import."""
    means: str = ""
    """The full name of what the short name means; empty where it means none, or is no name that anybody writes."""
    hides: list[str] = field(default_factory=list)
    """Full names of what has the same short name, which means this one."""
    also_by: list[str] = field(default_factory=list)
    """Full names of others with the same short name, where it means none of them."""
    unusable: str = ""
    """Why it cannot be used: left out, or built for another version of the toolkit."""


def print_why(name: str, registry: Registry, *, as_json: bool) -> None:
    """Print everything that has a name. Raises RequestError where nothing has."""
    from toolkit.cli.output import heading, print_json, say

    found = list(origins(name, registry))
    if not found:
        raise RequestError(_unknown(name, registry))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    for number, each in enumerate(found):
        if number:
            say()
        heading(f"{each.kind} {each.name}")
        pairs = [
            ("plugin", f"{each.plugin} {each.version}".rstrip()),
            ("value", each.value),
            ("file", each.file),
            *_meaning(each),
            ("unusable", each.unusable.splitlines()[0] if each.unusable else ""),
        ]
        for key, text in pairs:
            if text:
                say(f"  {key:<8}  {text}")


def origins(name: str, registry: Registry) -> Iterator[Origin]:
    """Everything that has a name, short or full: components, recipes, listeners, plugins; those left out come last."""
    sources = [(plugin, "") for plugin in registry.plugins]
    sources += [(each.plugin, f"left out by {each.by}") for each in registry.left_out]
    for plugin, left_out in sources:
        yield from _components(name, plugin, left_out, registry)
    for plugin, left_out in sources:
        yield from _recipes(name, plugin, left_out, registry)
    for plugin, left_out in sources:
        yield from _others(name, plugin, left_out)


def _components(name: str, plugin: Plugin, left_out: str, registry: Registry) -> Iterator[Origin]:
    from toolkit.registry.names import normalised
    from toolkit.registry.presence import source_file

    distribution, _, short = name.rpartition("/")
    if distribution and normalised(distribution) != plugin.distribution:
        return
    for entry in plugin.entries:
        if entry.name != short:
            continue
        others = [each for each in registry.entries(entry.kind) if each.name == short and each != entry]
        means = _meant(entry, registry)
        yield Origin(
            entry.kind,
            entry.name,
            entry.full_name,
            entry.distribution,
            entry.version,
            entry.value,
            source_file(entry.module),
            means=means,
            hides=[each.full_name for each in others] if means == entry.full_name and not left_out else [],
            also_by=[each.full_name for each in others] if not means else [],
            unusable=left_out or _outdated(plugin),
        )


def _meant(entry: Entry, registry: Registry) -> str:
    from toolkit.registry import ComponentLookupError

    try:
        return registry.find(entry.kind, entry.name).full_name
    except ComponentLookupError:
        return ""


def _recipes(name: str, plugin: Plugin, left_out: str, registry: Registry) -> Iterator[Origin]:
    from toolkit.recipe import find_recipe, list_recipes
    from toolkit.recipe.locate import RecipeNotFound, shipped
    from toolkit.registry import CORE

    core = [each for each in list_recipes(registry) if each.distribution == CORE]
    own = core if plugin.distribution == CORE else list(shipped(plugin))
    for recipe in own:
        if name not in (recipe.name, recipe.full_name):
            continue
        others = [each for each in list_recipes(registry) if each.name == recipe.name and each != recipe]
        try:
            means = find_recipe(recipe.name, registry).full_name
        except RecipeNotFound:
            means = ""
        yield Origin(
            "recipe",
            recipe.name,
            recipe.full_name,
            plugin.distribution,
            plugin.version,
            _package(recipe, plugin),
            str(recipe.path),
            means=means,
            hides=[each.full_name for each in others] if means == recipe.full_name and not left_out else [],
            also_by=[each.full_name for each in others] if not means else [],
            unusable=left_out or _outdated(plugin),
        )


def _package(recipe: RecipeFile, plugin: Plugin) -> str:
    from toolkit.recipe.locate import package_folders

    folders = {folder: package for _, package in plugin.recipes for folder in package_folders(package)}
    return next((package for folder, package in folders.items() if recipe.path.is_relative_to(folder)), "")


def _others(name: str, plugin: Plugin, left_out: str) -> Iterator[Origin]:
    from toolkit.hooks import HOOKS
    from toolkit.registry import CORE, Entry
    from toolkit.registry.names import normalised
    from toolkit.registry.presence import source_file

    unusable = left_out or _outdated(plugin)
    distribution, version = plugin.distribution, plugin.version
    if distribution == CORE and name in HOOKS:
        yield Origin(
            "hook", name, "", distribution, version, f"toolkit.hooks:Hooks.{name}", source_file("toolkit.hooks")
        )
    for hook, value in plugin.hooks:
        if name == hook:
            module = Entry("hook", hook, value, distribution, version).module
            yield Origin("hook", hook, "", distribution, version, value, source_file(module), unusable=unusable)
    if normalised(name) == distribution:
        yield Origin(
            "plugin", distribution, distribution, distribution, version, "", str(plugin.location), unusable=unusable
        )


def _outdated(plugin: Plugin) -> str:
    from toolkit.registry.messages import for_another

    return for_another(plugin) if plugin.built_for_another else ""


def _meaning(origin: Origin) -> Iterable[tuple[str, str]]:
    """What the short name means, in lines of the listing."""
    if origin.kind in ("hook", "plugin"):
        return
    short, full = origin.name, origin.full_name
    if origin.means == full:
        yield "means", f"`{short}` is this one"
    elif origin.means:
        yield "means", f"`{short}` is {origin.means}; this one is {full}"
    elif origin.also_by:
        yield "means", f"`{short}` is none of several; this one is {full}"
    if origin.hides:
        yield "hides", ", ".join(origin.hides)
    if origin.also_by:
        yield "beside", ", ".join(origin.also_by)


def _unknown(name: str, registry: Registry) -> str:
    from toolkit.registry import first_party

    start = f"no installed plugin has anything called {name!r}."
    missing = [(kind, dist) for kind, dist in first_party.kinds_with(name) if not registry.has(dist)]
    if missing:
        kind, distribution = missing[0]
        return f"{start} It is a {kind} of {distribution}: {first_party.how_to_install(distribution)}"
    return start + (
        did_you_mean(name, [*names(registry), *full_names(registry)]) or " `toolkit ls` lists recipes and components."
    )


def names(registry: Registry) -> list[str]:
    """Every name that `origins` knows, but for the full ones of components and recipes."""
    from toolkit.hooks import HOOKS
    from toolkit.recipe import list_recipes

    plugins = _all(registry)
    return [
        *(entry.name for plugin in plugins for entry in plugin.entries),
        *(recipe.name for recipe in list_recipes(registry)),
        *(name for plugin in plugins for name, _ in plugin.hooks),
        *(plugin.distribution for plugin in plugins),
        *HOOKS,
    ]


def full_names(registry: Registry) -> list[str]:
    """The full names of components and recipes."""
    from toolkit.recipe import list_recipes

    entries = [entry.full_name for plugin in _all(registry) for entry in plugin.entries]
    return [*entries, *(recipe.full_name for recipe in list_recipes(registry))]


def _all(registry: Registry) -> list[Plugin]:
    return [*registry.plugins, *(each.plugin for each in registry.left_out)]
