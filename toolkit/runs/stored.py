"""A run that is there already: its recipe as it was run, loaded again from its folder. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from toolkit.engine.checkpoints import list_saved
from toolkit.errors import RequestError
from toolkit.recipe import Recipe, load
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
    return dataclasses.replace(recipe, name=str(content.get("recipe") or recipe.name))


def overridden(overrides: Sequence[str], allowed: Sequence[str], what: str) -> None:
    """Makes sure that only some keys are overridden.

    Args:
        overrides: such as ``trainer.max_epochs=20``.
        allowed: beginnings of the keys that may be, such as ``trainer.max_``.
        what: what is being done, for the message: ``a resume``.

    Raises:
        RequestError: for the first override of another key.
    """
    for text in overrides:
        key = text.partition("=")[0].strip()
        if not any(key == start or key.startswith(start if start[-1] in "._" else f"{start}.") for start in allowed):
            shown = ", ".join(f"{start}*" if start[-1] in "._" else start for start in allowed)
            raise RequestError(f"{text!r}: {what} can change {shown} only. For anything else begin a new run.")
