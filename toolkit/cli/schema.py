"""``toolkit schema``: the JSON Schema of recipes, for editors. Imports no plugin here; in a child, where it has to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.arguments import examples

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.registry import Plugin, Registry
    from toolkit.schema.gather import Gathered

EXAMPLES = examples("toolkit schema --write", "toolkit schema")

FEW = 3
"""Components that could not be imported and are named, of one plugin."""


def schema(
    write: Annotated[
        bool,
        typer.Option("--write", help="Write it to .toolkit/recipe.schema.json in the current folder."),
    ] = False,
) -> None:
    """Print the JSON Schema of recipes, for editors.

    It is made from what is installed: every component, its arguments, their types, defaults and documentation. What
    was read before is taken from the cache; the rest is imported in a child process.
    """
    from pathlib import Path

    from toolkit.cli.output import note, say
    from toolkit.errors import shown_path
    from toolkit.registry import Registry
    from toolkit.schema.write import recipe_schema, with_editor_line, write_schema

    registry = Registry.scan()
    if not write:
        text, gathered = recipe_schema(registry, tell_reading)
        say(text.rstrip("\n"))
        tell_broken(gathered)
        return
    file, gathered = write_schema(Path(), registry, tell_reading)
    say(shown_path(file))
    note(f"The first line of a recipe beside it: {with_editor_line('', Path('recipe.yaml'), Path()).rstrip()}")
    tell_broken(gathered)


def leave_schema(folder: Path, registry: Registry) -> None:
    """Write the schema for a recipe that was just written, and say what is not in it; nothing here can fail."""
    from toolkit.cli.output import note
    from toolkit.errors import RequestError
    from toolkit.schema.write import write_schema

    try:
        tell_broken(write_schema(folder, registry, tell_reading)[1])
    except RequestError as error:
        note(f"No schema for editors: {error}")


def tell_reading(plugins: Sequence[Plugin]) -> None:
    """Say what takes some seconds, once after an installation."""
    from toolkit.cli.output import note

    note(f"Reading the arguments of {', '.join(plugin.distribution for plugin in plugins)}: some seconds, this once.")


def tell_broken(gathered: Gathered) -> None:
    """Say what could not be imported just now, one line for each plugin, and whether the cache could not be kept."""
    from toolkit.cli.output import note

    plugins = dict.fromkeys(entry.distribution for entry, _ in gathered.broken)
    for plugin in plugins:
        reasons = [(entry.name, reason) for entry, reason in gathered.broken if entry.distribution == plugin]
        told = ", ".join(name for name, _ in reasons[:FEW]) + (", ..." if len(reasons) > FEW else "")
        note(
            f"{plugin}: {told} could not be imported ({reasons[0][1]}); the schema leaves the arguments open. "
            "`toolkit plugins --import` tells more."
        )
    if gathered.not_kept:
        note(f"What was read could not be kept for the next time: {gathered.not_kept}")
