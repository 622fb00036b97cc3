"""``toolkit run``: train a recipe and test it."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.arguments import AllowCode, Overrides, RecipeName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.cli.voice import one_voice

EXAMPLES = examples(
    "toolkit run vision/digits",
    "toolkit run vision/digits model=mlp optimizer.lr=0.05 trainer.max_epochs=3",
    "toolkit run ./mine.yaml --name baseline --tag paper",
    "toolkit run ./mine.yaml --resume auto",
    "torchrun --nproc-per-node 2 -m toolkit run vision/digits",
)


def run(
    recipe: RecipeName,
    overrides: Overrides = None,
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="What you call this run; loggers show it.", show_default=False)
    ] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="What you file this run under; give it several times for several tags.",
            show_default=False,
        ),
    ] = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="What you want to remember of this run.", show_default=False)
    ] = "",
    resume: Annotated[
        str,
        typer.Option(
            metavar="auto",
            help="Go on with the newest run of this recipe and these overrides that was stopped; without one, begin.",
            show_default=False,
        ),
    ] = "",
    allow_code: AllowCode = False,
    traceback: Traceback = False,
) -> None:
    """Train a recipe and test it with its best checkpoint.

    What comes of it lies in a run folder below ./runs, or below TOOLKIT_RUNS where that is set.
    """
    from toolkit.recipe import load
    from toolkit.registry import Registry

    with one_voice():
        registry = Registry.scan()
        # Before torch is imported: a recipe that cannot be read is told of at once.
        loaded = load(recipe, overrides or (), registry=registry, allow_code=allow_code, given_in="command line")
        with no_collection():
            from toolkit import runs

        with shown_tracebacks(traceback):
            runs.run(loaded, name=name, tags=tag or (), note=note, registry=registry, resume=resume)
