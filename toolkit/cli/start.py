"""Runs a command and turns what comes of it into an exit code and, where it failed, a short text on stderr.

Imports Typer, and no command before it is needed.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_REQUEST,
    RecipeError,
    ToolkitError,
    did_you_mean,
    render_problems,
)

if TYPE_CHECKING:
    from typer import BadParameter

EXIT_BROKEN_PIPE = 141
"""The reader of our output went away: what the shell says of any program that SIGPIPE ended."""

_UNDONE = {
    "run": "nothing was started",
    "resume": "nothing was started",
    "verify": "nothing was started",
    "test": "nothing was tested",
    "fetch": "nothing was downloaded",
}
"""By command, what a recipe with problems has kept it from; the others do nothing with a recipe but look at it."""

_WHERE_FROM = {
    "RECIPE": "`toolkit ls recipes` lists the recipes.",
    "RUN": "`toolkit runs` lists the runs; `last` is the newest.",
    "NAME": "`toolkit ls` lists recipes and components.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line.

    Args:
        arguments: the words after ``toolkit``; those of this process when left out.

    Returns:
        The exit code. Any exception that comes out is a mistake of the toolkit's own.
    """
    _accept_any_text()
    import typer
    from typer.main import get_command

    from toolkit.cli.app import app

    # UsageError, whose module is private to Typer since it contains its own click.
    usage_error: type[BadParameter] = typer.BadParameter.__bases__[0]
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = get_command(app).main(given, prog_name="toolkit", standalone_mode=False)
        sys.stdout.flush()
    except RecipeError as error:
        return _fail(render_problems(error.problems, _UNDONE.get(next(iter(given), ""), "")))
    except ToolkitError as error:
        return _fail(str(error), error.exit_code)
    except usage_error as error:
        return _fail(_usage(error))
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        return _broken_pipe()
    except SystemExit as stop:
        # Typer ends the process itself when a pipe breaks, with the code of a bug.
        if isinstance(stop.__context__, BrokenPipeError):
            return _broken_pipe()
        raise
    if code == EXIT_INTERRUPTED:  # Typer makes an exit of KeyboardInterrupt
        return _fail("interrupted", EXIT_INTERRUPTED)
    return code if isinstance(code, int) else EXIT_DONE


def _usage(error: BadParameter) -> str:
    """What is wrong with the words that were typed, and what to type instead."""
    context = error.ctx
    if context is None:
        return error.format_message()
    parameters = context.command.get_params(context)
    missing = getattr(error, "param", None)
    if type(error).__name__ == "NoSuchOption":
        unknown = getattr(error, "option_name", "")
        hint = did_you_mean(unknown, [name for each in parameters for name in each.opts if name.startswith("--")])
        lines = [f"`{context.command_path}` has no option {unknown!r}.{hint}"]
    elif type(error).__name__ == "MissingParameter" and missing is not None:
        arguments = [each for each in parameters if each.param_type_name == "argument"]
        usage = " ".join(f"{each.metavar}" if each.required else f"[{each.metavar}]" for each in arguments)
        lines = [f"{missing.metavar} is missing. Usage: {context.command_path} {usage}"]
        lines += [_WHERE_FROM[name] for name in _WHERE_FROM if name == missing.metavar]
    else:
        lines = [error.format_message()]
    return "\n".join([*lines, f"`{context.command_path} --help` tells more."])


def _fail(text: str, code: int = EXIT_REQUEST) -> int:
    try:
        sys.stdout.flush()
        print(text, file=sys.stderr)
    except BrokenPipeError:
        # Nobody is left to read it; the code says the same.
        _broken_pipe()
    return code


def _broken_pipe() -> int:
    # Python flushes both once more while it ends, and would complain.
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return EXIT_BROKEN_PIPE


def _accept_any_text() -> None:
    """Let no character of a docstring or a path end a command, whatever the locale can write."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
