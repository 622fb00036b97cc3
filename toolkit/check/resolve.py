"""The first stage of checking, all of it in one pass: recipe and registry to Checked.

Imports the components that the recipe names; builds nothing and downloads nothing.
"""

from __future__ import annotations

from toolkit.check.blocks import Block, Checked
from toolkit.check.components import Walk
from toolkit.check.crossfield import Blocks, check_cross_fields
from toolkit.check.outputs import check_outputs
from toolkit.check.report import Report
from toolkit.check.toplevel import check_top_level
from toolkit.errors import Problem
from toolkit.recipe import KeyPath, Recipe
from toolkit.registry import Registry


def resolve(recipe: Recipe, registry: Registry) -> Checked:
    """Find, import and check every component of a recipe, and everything else in it.

    Never raises for what a recipe says: whatever is wrong is among ``problems`` of the result.
    """
    report = Report(recipe)
    walk = Walk(recipe, registry, report)
    own = check_top_level(walk.values, report)
    blocks, collections = walk.blocks(), walk.collections()
    check_cross_fields(Blocks(blocks, collections, walk.values), own["trainer"], report)
    check_outputs(collections, report)
    return Checked(
        recipe=recipe,
        registry=registry,
        problems=report.problems(),
        blocks=blocks,
        collections=collections,
        trainer=own["trainer"],
        loader=own["loader"],
        engine=own["engine"],
    )


def resolve_block(
    recipe: Recipe, registry: Registry, path: KeyPath, kind: str
) -> tuple[Block | None, tuple[Problem, ...]]:
    """Find, import and check one component of a recipe, wherever it stands, on its own.

    Args:
        recipe: what it is written in; the rest of it is not looked at.
        registry: what is installed.
        path: where it stands.
        kind: what it is for. Its facts are not known: what it requires is to be written.

    Returns:
        The component, or None where it cannot be resolved, and all problems.
    """
    report = Report(recipe)
    return Walk(recipe, registry, report).alone(path, kind), report.problems()


def check(recipe: Recipe, registry: Registry | None = None) -> tuple[Problem, ...]:
    """Everything wrong with a recipe that can be seen before its data is there, in the order it is written in.

    Args:
        recipe: what `toolkit.load` returned.
        registry: what is installed; looked up if not given.
    """
    return resolve(recipe, registry or Registry.scan()).problems
