"""``toolkit fetch``: what a recipe needs, downloaded for a machine without a network."""

from __future__ import annotations

from toolkit.cli.arguments import AllowCode, Overrides, RecipeName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks

EXAMPLES = examples("toolkit fetch vision/mnist-mlp")


def fetch(
    recipe: RecipeName, overrides: Overrides = None, allow_code: AllowCode = False, traceback: Traceback = False
) -> None:
    """Download what a recipe needs, and train nothing.

    Data and pretrained weights go into the cache: the platform's, or the folder that TOOLKIT_CACHE names.
    """
    from toolkit.cli.output import say
    from toolkit.recipe import load
    from toolkit.registry import Registry

    registry = Registry.scan()
    loaded = load(recipe, overrides or (), registry=registry, allow_code=allow_code, given_in="command line")
    with no_collection():
        from toolkit import runs

    with shown_tracebacks(traceback):
        runs.fetch(loaded, registry=registry)
    say(f"{loaded.name}: everything it needs is here")
