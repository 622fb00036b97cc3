"""A run that is there already: its recipe as it was run, loaded again from its folder. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from toolkit.engine.checkpoints import list_saved
from toolkit.errors import Place, RequestError
from toolkit.recipe import KeyPath, Recipe, load
from toolkit.registry import Registry
from toolkit.tracking.folder import RunFolder


def stored_recipe(
    folder: RunFolder,
    overrides: Sequence[str],
    *,
    registry: Registry,
    allow_code: bool,
    given_in: str = "overrides",
) -> Recipe:
    """The recipe of a run, under its own name: as it was resolved, with what it was resumed with and further overrides.

    Weights that the run once began with (``model.init_from``) are left out where it has a checkpoint: that has later
    ones, and the file they came from need not be there any more.

    Args:
        folder: the run's folder.
        overrides: applied on top of what was run.
        registry: what is installed.
        allow_code: whether code named directly in the recipe may be run; the run itself does not remember.
        given_in: where the overrides were typed, for messages.

    Raises:
        RequestError: the folder has no recipe.
        RecipeError: the recipe cannot be read.
    """
    if not folder.recipe_yaml.is_file():
        raise RequestError(f"run {folder.id} has no recipe.yaml in {folder.shown}; it cannot be loaded again")
    page, content = str(folder.recipe_yaml), folder.read_json()

    def loaded(*more: str) -> Recipe:
        before = content.get("resumed_with", [])
        return load(page, [*more, *before, *overrides], registry=registry, allow_code=allow_code, given_in=given_in)

    recipe = loaded()
    if recipe.get("model", "init_from") is not None and list_saved(folder.checkpoints):
        recipe = loaded("model.init_from=null")
    places = _with_what_was_given(recipe.places, content.get("overrides", []))
    return dataclasses.replace(recipe, name=str(content.get("recipe") or recipe.name), places=places)


def _with_what_was_given(places: Mapping[KeyPath, Place], overrides: Sequence[str]) -> Mapping[KeyPath, Place]:
    """The places of a run's recipe: what was given when the run began was not written in the page that it left.

    The check lets an override lead out of the run's folder, and must not refuse the same value when the run goes on.
    """
    given = {tuple(text.partition("=")[0].strip().split(".")): Place(f"given to the run: {text}") for text in overrides}
    found = dict(places)
    for path in places:
        for key, place in given.items():
            if path[: len(key)] == key and found[path].line is not None:
                found[path] = place
    return MappingProxyType(found)
