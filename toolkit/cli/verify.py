"""``toolkit verify``: runs recipes and holds the results against what they expect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import Json, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import RequestError, ToolkitError

if TYPE_CHECKING:
    from toolkit.recipe import Recipe
    from toolkit.registry import Registry
    from toolkit.runs import Row

EXAMPLES = examples("toolkit verify", "toolkit verify vision/digits", "toolkit verify vision/digits --write README.md")


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE",
            help="Recipes; all that expect something and lack no component, where none is named.",
            autocompletion=completion.recipe,
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="A Markdown file whose results table is brought up to date.", show_default=False
        ),
    ] = "",
    traceback: Traceback = False,
    as_json: Json = False,
) -> None:
    """Run recipes and hold the results against what they expect.

    Every recipe is run as it is written. Where a result differs, or a run fails, it ends with 4. Where none is named,
    one that needs a download on a machine without a network is told of and left out.
    """
    from toolkit.cli.output import Column, note, print_json, say, table
    from toolkit.recipe import load
    from toolkit.registry import Registry

    registry = Registry.scan()
    if names:
        recipes = [load(name, registry=registry) for name in names]
    else:
        recipes = _all(registry)
        note(f"verifying {', '.join(recipe.name for recipe in recipes)}")
    with no_collection():
        from toolkit import runs
    from toolkit.runs.results import as_plain, place_for_results

    if write:
        place_for_results(Path(write))  # before hours of training, not after
    with shown_tracebacks(traceback):
        rows = runs.verify(recipes, registry=registry)
    if write:
        runs.write_results(Path(write), rows)
    if as_json:
        print_json([as_plain(row) for row in rows])
    else:
        columns = (Column("recipe", "bold"), Column("metric"), Column("value"), Column("expected"), Column("result"))
        say()
        told = [(row.recipe, row.metric, row.shown_value, row.expected, _result(row)) for row in rows]
        table(columns, told, indent=0, headings=True)
    left_out = [row for row in rows if row.left_out and not names]
    for name, reason in {row.recipe: row.reason for row in left_out}.items():
        note(f"left out: {name}, {reason}")
    runs.raise_differences([row for row in rows if row not in left_out])
    if len(left_out) == len(rows):
        raise RequestError("nothing was verified: every recipe needs a download")


def _result(row: Row) -> str:
    return "not run" if row.left_out else "met" if row.met else "not met"


def _all(registry: Registry) -> list[Recipe]:
    """Every installed recipe that expects something, and whose components are installed too."""
    from toolkit.cli.output import note
    from toolkit.recipe import list_recipes, load
    from toolkit.recipe.needs import needs

    found = []
    for file in list_recipes(registry):
        try:
            recipe = load(file.full_name, registry=registry)
        except ToolkitError as error:
            # One unreadable page, of whatever plugin, keeps no other from being verified.
            note(str(error))
            continue
        if recipe.get("expect") and not needs(recipe.values, registry):
            found.append(recipe)
    if not found:
        raise RequestError("no installed recipe says what it expects; name one: toolkit verify RECIPE")
    return found
