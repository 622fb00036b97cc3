"""A loaded recipe with another value at one place, which the toolkit itself has found. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from toolkit.errors import Place
from toolkit.recipe.node import KeyPath
from toolkit.recipe.recipe import Recipe, freeze


def replaced(recipe: Recipe, path: KeyPath, value: Any, source: str) -> Recipe:
    """A recipe like another one, but for one plain value.

    Args:
        recipe: is left as it is.
        path: of a value inside a block that the recipe has, such as ``("trainer", "devices")``.
        value: a text, number, truth value, or None.
        source: where it comes from, for messages and the saved recipe.
    """
    values = recipe.plain()
    block: Any = values
    for part in path[:-1]:
        block = block[part]
    block[path[-1]] = value
    place = Place(source)
    return dataclasses.replace(
        recipe,
        values=freeze(values),
        places=_with(recipe.places, path, place),
        key_places=_with(recipe.key_places, path, place),
        written=MappingProxyType({key: text for key, text in recipe.written.items() if key != path}),
        from_env=recipe.from_env - {path},
    )


def _with(places: Mapping[KeyPath, Place], path: KeyPath, place: Place) -> Mapping[KeyPath, Place]:
    return MappingProxyType({**places, path: place})
