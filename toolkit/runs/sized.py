"""Fits a recipe to the processes that a launcher has started, or refuses it. Imports Lightning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from toolkit.engine.ranks import Ranks
from toolkit.engine.trainer import processes
from toolkit.errors import Problem, RecipeError
from toolkit.recipe import Recipe
from toolkit.recipe.node import DEFAULT
from toolkit.recipe.replaced import replaced

AUTOMATIC = ("auto", -1, "-1")


def sized(recipe: Recipe, ranks: Ranks | None, *, goes_on: bool = False) -> tuple[Recipe, list[str]]:
    """A recipe for as many processes as there are.

    Args:
        recipe: says how many it wants, or nothing.
        ranks: those of a launcher; None where the toolkit starts them itself, on this machine.
        goes_on: whether it is that of a run that may have begun with others.

    Returns:
        The recipe, and what was changed as overrides, such as ``trainer.devices=2``; both are in the recipe's own
        overrides too, because more processes make larger batches.

    Raises:
        RecipeError: it asks for another number than there is.
    """
    if not isinstance(recipe.get("trainer"), Mapping):
        return recipe, []  # which is reported when it is checked
    changes: list[str] = []
    wanted = {"num_nodes": ("machine", ranks.nodes if ranks else 1)}
    if ranks is not None:
        wanted["devices"] = ("process on each machine", ranks.local_world_size)
    for name, (noun, count) in wanted.items():
        path, found = ("trainer", name), recipe.get("trainer", name, default=1)
        said = found not in AUTOMATIC and path in recipe.places and recipe.place(*path) != DEFAULT
        if count == (processes(recipe.plain()["trainer"]) if name == "devices" and said else found):
            continue
        if said and not goes_on:
            raise RecipeError([Problem(recipe.place(*path), ".".join(path), _wrong(found, noun, count, ranks))])
        recipe = replaced(recipe, path, count, f"{ranks.launcher if ranks else 'here'}: {_counted(count, noun)}")
        changes.append(f"trainer.{name}={count}")
    return dataclasses.replace(recipe, overrides=(*recipe.overrides, *changes)), changes


def _wrong(found: object, noun: str, count: int, ranks: Ranks | None) -> str:
    if ranks is None:
        return "several machines need a launcher on each of them: torchrun --nnodes, or srun"
    return f"the recipe says {found}, but {ranks.launcher} has started {_counted(count, noun)}"


def _counted(count: int, noun: str) -> str:
    first, _, rest = noun.partition(" ")
    plural = first + ("es" if first.endswith("s") else "s")
    return f"{count} {first if count == 1 else plural} {rest}".rstrip()
