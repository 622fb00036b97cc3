"""``toolkit check``: everything wrong with a recipe, before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.arguments import AllowCode, Json, Overrides, RecipeName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import EXIT_REQUEST, Problem, RecipeError, RunError

if TYPE_CHECKING:
    from toolkit.check import Checked
    from toolkit.runs import DeepReport

EXAMPLES = examples(
    "toolkit check vision/digits",
    "toolkit check ./mine.yaml optimizer.lr=0.3",
    "toolkit check ./mine.yaml --deep",
)


def check(
    recipe: RecipeName,
    overrides: Overrides = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Build everything too, and take one training step with two samples on the CPU."),
    ] = False,
    allow_code: AllowCode = False,
    traceback: Traceback = False,
    as_json: Json = False,
) -> None:
    """Tell everything that is wrong with a recipe.

    Names, arguments and types are checked at once; nothing is built, downloaded or trained.
    """
    from toolkit.cli.output import note, print_json, say
    from toolkit.recipe import load
    from toolkit.registry import Registry

    registry = Registry.scan()
    report = None
    try:
        loaded = load(recipe, overrides or (), registry=registry, allow_code=allow_code, given_in="command line")
        with no_collection():
            from toolkit.check import resolve

            checked = resolve(loaded, registry)
        checked.raise_problems()
        if deep:
            with no_collection():
                from toolkit import runs
            with shown_tracebacks(traceback):
                report = runs.deep(checked)
    except RecipeError as error:
        if not as_json:
            raise
        print_json(_as_json(recipe, error.problems, (), None))
        raise typer.Exit(EXIT_REQUEST) from None
    if as_json:
        print_json(_as_json(recipe, (), checked.notes, report))
    else:
        say(f"{loaded.name}: ok, {_counts(checked)}")
        for line in checked.notes:
            note(line)
        if report is not None:
            say(str(report))
    if report is not None and not report.ok:
        raise RunError(f"one training step of {loaded.name} gave numbers that are not finite; it cannot be trained so")


def _counts(checked: Checked) -> str:
    """What was checked, so that nobody takes an empty recipe for a good one."""
    from toolkit.cli.leaves import leaves
    from toolkit.recipe.needs import components

    named = len(list(components(checked.recipe.values)))
    return f"{named} components and {len(leaves(checked.recipe))} values"


def _as_json(
    name: str, problems: tuple[Problem, ...], notes: tuple[str, ...], report: DeepReport | None
) -> dict[str, Any]:
    return {
        "recipe": name,
        "ok": not problems and (report is None or report.ok),
        "problems": [
            {
                "source": problem.place.source,
                "line": problem.place.line,
                "column": problem.place.column,
                "via": problem.place.via,
                "key": problem.key,
                "message": problem.message,
            }
            for problem in problems
        ],
        "notes": list(notes),
        "deep": None if report is None else _report(report),
    }


def _report(report: DeepReport) -> dict[str, Any]:
    import dataclasses
    import math

    told = dataclasses.asdict(report)
    # JSON has no NaN; `non_finite` says so.
    return {**told, "loss": report.loss if math.isfinite(report.loss) else None}
