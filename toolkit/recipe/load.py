"""Loads a recipe: its file, its parents, the overrides, the references. Imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from toolkit.errors import Place, Problem, RecipeError, shown_path
from toolkit.recipe.defaults import default_layer
from toolkit.recipe.grammar import TOP_LEVEL
from toolkit.recipe.interpolate import interpolate
from toolkit.recipe.layers import lay_over
from toolkit.recipe.locate import RecipeFile, RecipeNotFound, find_recipe
from toolkit.recipe.node import Node
from toolkit.recipe.overrides import override_place, read_override, spaced_apart, without_spaces
from toolkit.recipe.reader import read_file
from toolkit.recipe.recipe import Recipe, freeze
from toolkit.registry import Registry


def load(
    name: str,
    overrides: Sequence[str] = (),
    *,
    registry: Registry | None = None,
    allow_code: bool = False,
    given_in: str = "overrides",
) -> Recipe:
    """Load a recipe by name (``vision/digits``) or file (``./my.yaml``) and apply overrides from left to right.

    ``given_in`` says where the overrides were typed, for messages. Raises RecipeNotFound, or RecipeError for text
    that is not a recipe at all; whatever else is wrong is left to `toolkit.check`, which reports it at once.
    """
    registry = registry or Registry.scan()
    found = find_recipe(name, registry)
    pages = _pages(found, registry)
    problems: list[Problem] = []
    root = default_layer()
    for page in reversed(pages):
        # What a recipe expects is true of that recipe alone.
        root = _without(root, "expect")
        root, wrong = lay_over(root, _without(page.root, "extends"))
        problems += wrong
    for index, words in spaced_apart(overrides):
        place = override_place(" ".join(words), index, given_in)
        if len(words) > 1:
            problems.append(Problem(place, "", without_spaces(words)))
            continue
        try:
            layer = read_override(words[0], place)
        except RecipeError as error:
            problems += error.problems
            continue
        if "extends" in (layer.mapping or {}):
            problems.append(Problem(place, "extends", "a parent is named in the recipe's file, not in an override"))
            continue
        root, wrong = lay_over(root, layer)
        problems += wrong
    resolved = interpolate(_in_order(root), os.environ)
    nodes = list(resolved.root.walk())
    return Recipe(
        name=found.name,
        file=found.path.resolve(),
        distribution=found.distribution,
        header=pages[0].header,
        extends=tuple(page.file.full_name for page in pages[1:]),
        values=freeze(resolved.root.plain()),
        folders=MappingProxyType({shown_path(page.file.path): page.file.path.resolve().parent for page in pages}),
        places=MappingProxyType({path: node.place for path, node in nodes}),
        key_places=MappingProxyType({path: node.key_place for path, node in nodes}),
        written=MappingProxyType(resolved.written),
        from_env=resolved.from_env,
        env_names=resolved.env_names,
        overrides=tuple(overrides),
        allow_code=allow_code,
        problems=(*problems, *resolved.problems),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """One recipe file as read: the recipe asked for, or one of its parents."""

    file: RecipeFile
    root: Node
    header: str


def _pages(found: RecipeFile, registry: Registry) -> list[_Page]:
    """The recipe and its parents, nearest first. Raises RecipeError where a parent is missing or comes twice."""
    pages: list[_Page] = []
    via = ""
    while True:
        root, header = read_file(found.path, shown_path(found.path), via)
        pages.append(_Page(found, root, header))
        parent = (root.mapping or {}).get("extends")
        if parent is None:
            return pages
        if not isinstance(parent.value, str):
            raise _extends_problem(parent, "the name of one recipe is expected, such as vision/digits")
        try:
            found = find_recipe(parent.value, registry, relative_to=found.path.parent)
        except RecipeNotFound as error:
            raise _extends_problem(parent, str(error)) from error
        if any(page.file.path.resolve() == found.path.resolve() for page in pages):
            raise _extends_problem(parent, f"{parent.value} extends itself, by way of its parents")
        via = f"extends in {parent.place.source}:{parent.key_place.line}"


def _extends_problem(parent: Node, message: str) -> RecipeError:
    return RecipeError([Problem(parent.place, "extends", message)])


def _without(root: Node, key: str) -> Node:
    children = {name: child for name, child in (root.mapping or {}).items() if name != key}
    return Node(children, root.place, root.key_place)


def _in_order(root: Node) -> Node:
    """The top-level keys in the grammar's order, so that every recipe reads alike; unknown ones come last."""
    children = root.mapping or {}
    order = [*(key for key in TOP_LEVEL if key in children), *(key for key in children if key not in TOP_LEVEL)]
    return Node({key: children[key] for key in order}, root.place, root.key_place)


def file_place(recipe: Recipe) -> Place:
    """The first line of a recipe's file: the place of something that is missing from it."""
    return Place(shown_path(recipe.file), 1, 1)
