"""Downloads what a recipe needs, for machines without a network. Imports Lightning."""

from __future__ import annotations

from toolkit.build import Experiment, build
from toolkit.check import resolve
from toolkit.recipe import Recipe
from toolkit.registry import Registry
from toolkit.runs.weights import weights_of_run


def fetch(recipe: Recipe, *, registry: Registry | None = None) -> Experiment:
    """Build a recipe once, so that its data and pretrained weights lie in the cache afterwards; train nothing.

    Args:
        recipe: what `toolkit.load` returned.
        registry: what is installed; looked up when left out.

    Returns:
        What was built.

    Raises:
        RecipeError: the recipe is wrong.
        RequestError: a component could not be constructed; a download that failed is one of the reasons.
    """
    checked = resolve(recipe, registry or Registry.scan())
    checked.raise_problems()
    return build(checked, find_weights=weights_of_run)
