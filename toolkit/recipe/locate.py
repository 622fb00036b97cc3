"""Finds recipes by name: the core's own, those that plugins ship, and files. Imports no plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from toolkit.errors import RequestError, did_you_mean
from toolkit.registry import CORE, LeftOut, Plugin, Registry
from toolkit.registry.messages import for_another

_PART = re.compile(r"[a-z0-9][a-z0-9._-]*")


class RecipeNotFound(RequestError):
    """No recipe of that name, or no such file."""


@dataclass(frozen=True, slots=True, order=True)
class RecipeFile:
    """A recipe that can be named, before it is read."""

    name: str
    distribution: str
    path: Path

    @property
    def full_name(self) -> str:
        """``distribution:folder/name``, the name that is never ambiguous."""
        return f"{self.distribution}:{self.name}" if self.distribution else str(self.path)


def list_recipes(registry: Registry) -> tuple[RecipeFile, ...]:
    """Every recipe that the core and the installed plugins ship, sorted by name."""
    found = list(_in_folder(core_recipes(), CORE))
    for plugin in registry.plugins:
        if plugin.distribution != CORE:
            found += shipped(plugin)
    return tuple(sorted(set(found)))


def left_out_with(name: str, registry: Registry) -> LeftOut | None:
    """A plugin that was left out and ships a recipe of this name, short or full."""
    return next(
        (
            each
            for each in registry.left_out
            if any(name in (recipe.name, recipe.full_name) for recipe in shipped(each.plugin))
        ),
        None,
    )


def find_recipe(name: str, registry: Registry, relative_to: Path | None = None) -> RecipeFile:
    """The recipe that ``name`` means: a file where it ends in ``.yaml`` or begins with ``.`` or ``/``, else a name.

    ``relative_to`` is the folder that a relative file name starts from; the current one where it is None.
    Raises RecipeNotFound, also where two plugins offer the name, and where the one that does was built for another
    version of the toolkit: what its keys mean is then not known.
    """
    if name.endswith(".yaml") or name.startswith((".", "/")):
        return _find_file(name, relative_to)
    distribution, colon, short = name.rpartition(":")
    known = list_recipes(registry)
    found = [recipe for recipe in known if recipe.name == short and (not colon or recipe.distribution == distribution)]
    # As with components: a plugin that cannot be used must not make the name of one that can ambiguous.
    found = [recipe for recipe in found if not outdated(recipe, registry)] or found[:1]
    of_core = [recipe for recipe in found if recipe.distribution == CORE]
    if of_core or len(found) == 1:
        meant = (of_core or found)[0]
        wrong = outdated(meant, registry)
        if wrong:
            raise RecipeNotFound(f"the recipe {meant.full_name!r} {wrong}")
        return meant
    if found:
        choices = "\n".join(f"  {recipe.full_name}" for recipe in found)
        raise RecipeNotFound(
            f"{len(found)} installed plugins offer the recipe {short!r}; name one of these:\n{choices}"
        )
    left_out = left_out_with(name, registry)
    if left_out is not None:
        raise RecipeNotFound(f"the recipe {name!r} is of a plugin that is not used here: {left_out}")
    raise RecipeNotFound(_not_found(name, known, relative_to))


def outdated(recipe: RecipeFile, registry: Registry) -> str:
    """That a recipe's plugin was built for another version of the toolkit, and what to do; empty where it was not."""
    plugin = registry.plugin(recipe.distribution) if recipe.distribution else None
    return for_another(plugin) if plugin is not None and plugin.built_for_another else ""


def file_recipe_name(path: Path) -> str:
    """A name fit for a folder, from the name of a recipe's file."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")
    return slug or "recipe"


def core_recipes() -> Path:
    """The folder of the core's recipes: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def _find_file(name: str, relative_to: Path | None) -> RecipeFile:
    path = Path(name).expanduser()
    if relative_to is not None:
        path = relative_to / path
    if path.is_dir():
        raise RecipeNotFound(f"{path} is a folder; name the .yaml file in it")
    if not path.is_file():
        here = [file.name for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        raise RecipeNotFound(f"there is no file {path}." + did_you_mean(path.name, here))
    return RecipeFile(file_recipe_name(path), "", path)


def _not_found(name: str, known: tuple[RecipeFile, ...], relative_to: Path | None) -> str:
    beside = (relative_to or Path()) / f"{name}.yaml"
    if beside.is_file():
        return f"no recipe is called {name!r}. For the file, write ./{name}.yaml"
    offered = [recipe.name for recipe in known]
    hint = did_you_mean(name, offered)
    if not hint:
        same_end = [recipe for recipe in offered if recipe.rpartition("/")[2] == name.rpartition("/")[2]]
        hint = f" Did you mean {same_end[0]!r}?" if same_end else " `toolkit ls recipes` lists them."
    return f"no recipe is called {name!r}.{hint}"


def shipped(plugin: Plugin) -> Iterator[RecipeFile]:
    """The recipes of a plugin other than the core."""
    for _, package in plugin.recipes:
        for folder in package_folders(package):
            yield from _in_folder(folder, plugin.distribution)


def _in_folder(folder: Path, distribution: str) -> Iterator[RecipeFile]:
    for path in folder.rglob("*.yaml"):
        parts = path.relative_to(folder).with_suffix("").parts
        if all(_PART.fullmatch(part) for part in parts):
            yield RecipeFile("/".join(parts), distribution, path)


def package_folders(package: str) -> list[Path]:
    """The folders of a package of YAML files, found without importing it.

    ``find_spec("a.b")`` would import ``a``; only the top-level package is looked up, the rest is joined as a path.
    """
    top, *inner = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return [folder for location in spec.submodule_search_locations or () if (folder := Path(location, *inner)).is_dir()]
