"""The single values of a recipe, as a listing goes through them. Imports no torch and no plugin."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.recipe import KeyPath, Recipe


def leaves(recipe: Recipe) -> list[KeyPath]:
    """The paths that hold one value each, in the order of the recipe; a list and an empty mapping are one value."""
    return [path for path in recipe.places if path and path[0] != "extends" and _is_leaf(recipe, path)]


def dotted(path: KeyPath) -> str:
    """A path as it is typed: ``metrics.accuracy.top_k``."""
    return ".".join(map(str, path))


def _is_leaf(recipe: Recipe, path: KeyPath) -> bool:
    value = recipe.get(*path)
    return all(isinstance(part, str) for part in path) and not (isinstance(value, Mapping) and value)
