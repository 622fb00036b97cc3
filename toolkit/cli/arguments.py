"""Arguments and options that several commands have, each with its help and its completion. Imports Typer only."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from toolkit.cli import completion

RICH = sys.stdout.isatty()
"""Whether help is drawn by rich: it takes twice the time, and a pipe wants no boxes."""

RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe's name, such as vision/digits, or a file, such as ./my.yaml.",
        autocompletion=completion.recipe,
        show_default=False,
    ),
]

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id or the beginning of one, its folder, or `last` for the newest run.",
        autocompletion=completion.run,
        show_default=False,
    ),
]

Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Values that replace those of the recipe, from left to right.",
        autocompletion=completion.override,
        show_default=False,
    ),
]

Checkpoint = Annotated[
    str, typer.Option("--checkpoint", metavar="NAME", help="The checkpoint: best, last, or the name of one.")
]

AllowCode = Annotated[
    bool,
    typer.Option(
        "--allow-code",
        help="Let the recipe name code that is not an installed component (use: ./net.py:Net). It then runs as you.",
    ),
]

Traceback = Annotated[
    bool,
    typer.Option("--traceback", help="Print the whole traceback where a component fails."),
]

Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, whose keys stay the same from version to version."),
]


Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="PLUGIN",
        help="Do as if this plugin were not installed; give it several times for several plugins.",
        autocompletion=completion.left_out,
        show_default=False,
    ),
]


def with_plugins(command: Callable[..., None]) -> Callable[..., None]:
    """A command that looks at plugins, with the option ``--without``, which holds for what it calls and starts."""

    @functools.wraps(command)
    def called(*, without: Without = None, **arguments: Any) -> None:
        from toolkit.registry.left_out import leaving_out

        with leaving_out(without or ()):
            command(**arguments)

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("without", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Without)
    # Typer reads it; functions have no such attribute in the types.
    called.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return called


def examples(*lines: str) -> str:
    """A help page's closing lines: commands to copy."""
    listed = "\n".join(f"  {line}" for line in lines)
    # \b keeps click's plain help from joining the lines.
    return f"Examples:\n\n{listed}" if RICH else f"Examples:\n\n\b\n{listed}"
