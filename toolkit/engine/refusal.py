"""What Lightning refuses in the block `trainer`, at the place in the recipe that it is about. Imports nothing heavy."""

from __future__ import annotations

import re

from toolkit.errors import Problem, RecipeError
from toolkit.recipe import Recipe
from toolkit.recipe.node import DEFAULT


def trainer_refusal(message: str, recipe: Recipe) -> RecipeError:
    """Lightning's message as a problem of a recipe.

    Lightning does not say which argument is wrong. It is taken to be the one that the message names first, of those
    that somebody has written, by its name or its value; the block where it names none.
    """
    block = recipe.plain().get("trainer") or {}
    named = []
    for name, value in block.items():
        written = recipe.place("trainer", name) != DEFAULT
        for word in (name, str(value)):
            found = re.search(rf"\b{re.escape(word)}\b", message) if isinstance(value, str) or word == name else None
            if found and written:
                named.append((found.start(), name))
    path = ("trainer", min(named)[1]) if named else ("trainer",)
    return RecipeError([Problem(recipe.place(*path), ".".join(path), f"Lightning refuses this: {message}")])
