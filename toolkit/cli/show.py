"""``toolkit show``: all about one component or one recipe. A component is imported; a recipe imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import AllowCode, Json, Overrides, examples
from toolkit.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from toolkit.registry import Registry

EXAMPLES = examples(
    "toolkit show vision/digits",
    "toolkit show vision/digits optimizer.lr=0.1 --why optimizer.lr",
    "toolkit show small_cnn",
    "toolkit show --kind loss l1",
)


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A recipe, or a component by its short name or as distribution/name.",
            autocompletion=completion.shown,
            show_default=False,
        ),
    ],
    overrides: Overrides = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="The component's kind, where several kinds have one of that name.",
            autocompletion=completion.kind,
            show_default=False,
        ),
    ] = "",
    why: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="Tell where this key of the recipe got its value, layer by layer.",
            autocompletion=completion.key,
            show_default=False,
        ),
    ] = "",
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Show all about a recipe or a component.

    Of a recipe: every value and where it was written. Of a component: its arguments with types and defaults, what it
    does, and its plugin, file and line.
    """
    from toolkit.registry import Registry

    registry = Registry.scan()
    if not kind and _is_recipe(name, registry):
        from toolkit.cli.show_recipe import show_recipe, show_why

        if why:
            show_why(name, tuple(overrides or ()), why, registry, as_json=as_json)
        else:
            show_recipe(name, tuple(overrides or ()), registry, as_json=as_json)
        return
    if overrides or why:
        raise RequestError(f"{name!r} is not a recipe; only a recipe has overrides and values with a source")
    from toolkit.cli.show_component import show_component

    show_component(_kind(name, kind, registry), name, registry, allow_code=allow_code, as_json=as_json)


def _is_recipe(name: str, registry: Registry) -> bool:
    """Whether ``name`` is to be looked up as a recipe: a file, or one that is there."""
    from toolkit.recipe import list_recipes

    if name.endswith(".yaml") or (name.startswith((".", "/")) and ":" not in name):
        return True
    return any(name in (recipe.name, recipe.full_name) for recipe in list_recipes(registry))


def _kind(name: str, kind: str, registry: Registry) -> str:
    """The one kind that has a component of this name."""
    from toolkit.recipe import list_recipes
    from toolkit.recipe.locate import left_out_with
    from toolkit.registry import KINDS, with_article

    if kind:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or f" There are {', '.join(KINDS)}."
            raise RequestError(f"{kind!r} is not a kind of component.{hint}")
        return kind
    if ":" in name:
        raise RequestError(f"{name!r} is code: say what it is for, such as toolkit show --kind model {name}")
    kinds = list(dict.fromkeys(each.kind for each in registry.entries() if name in (each.name, each.full_name)))
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        told = " and ".join(with_article(each) for each in kinds)
        lines = "".join(f"\n  toolkit show --kind {each} {name}" for each in kinds)
        raise RequestError(f"{name!r} is {told}. Say which:{lines}")
    left_out = registry.left_out_with(name) or left_out_with(name, registry)
    if left_out is not None:
        raise RequestError(f"{name!r} is of a plugin that is not used here: {left_out}")
    names = {each for entry in registry.entries() for each in (entry.name, entry.full_name)}
    names |= {recipe.name for recipe in list_recipes(registry)}
    hint = did_you_mean(name, names) or " `toolkit ls` lists both."
    raise RequestError(f"there is no recipe and no component called {name!r}.{hint}")
