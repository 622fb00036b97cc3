"""``toolkit new``: a plugin's package that installs, trains and passes its tests. Imports no torch and no plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import examples

if TYPE_CHECKING:
    from toolkit.scaffold import Scaffold

EXAMPLES = examples("toolkit new acme-nets", "toolkit new acme-nets --kind model --kind loss --kind metric")

# Written out: the help must not import what holds them, and a test compares.
KINDS = "task, model, dataset, loss, optimizer, scheduler, metric, transform, callback, logger, part, hook or recipe"


def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="PLUGIN",
            help="What the plugin is called, by pip and by its folder: small letters, digits, and - between them.",
            show_default=False,
        ),
    ],
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help=f"What to begin with: {KINDS}; may be repeated. A model and a dataset if left out.",
            autocompletion=completion.choice,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a plugin of your own, ready to be installed.

    A package in a new folder here: an example of each kind, a recipe that trains them, tests, and what belongs to it.
    """
    from toolkit.cli.output import say
    from toolkit.registry import Registry
    from toolkit.scaffold import check_free, check_name, chosen_examples, components, plan, write

    names, chosen = check_name(name), chosen_examples(kinds or ())
    here = Path.cwd()
    scaffold = plan(names, chosen)
    check_free(names, components(names, chosen), [scaffold.recipe], here, Registry.scan())
    write(scaffold, here)
    for path in sorted(scaffold.files):
        say(f"{names.distribution}/{path}")
    _tell(scaffold)


def _tell(scaffold: Scaffold) -> None:
    """What to type next, and what to put right."""
    from toolkit.cli.output import note
    from toolkit.scaffold import NOBODY

    name = scaffold.names.distribution
    if scaffold.author == NOBODY:
        note(f"git knows no name of yours: put it in place of {NOBODY} in LICENSE and pyproject.toml.")
    note("Next:")
    for line in (
        f"cd {name}",
        'pip install -e ".[dev]"',
        f"toolkit ls --plugin {name}",
        f"toolkit run {scaffold.recipe}",
        "pytest",
    ):
        note(f"  {line}")
