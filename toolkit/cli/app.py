"""The commands by name. Imports each command's file, none of which imports anything heavy before it is called."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from toolkit.cli import (
    check,
    cp,
    export,
    fetch,
    ls,
    new,
    plugins,
    predict,
    resume,
    run,
    runs,
    schema,
    show,
    test,
    test_plugin,
    verify,
)
from toolkit.cli.arguments import RICH, with_plugins
from toolkit.cli.as_typed import Command, Group

app = typer.Typer(
    name="toolkit",
    cls=Group,
    rich_markup_mode="rich" if RICH else None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

for name, command, epilog in (
    ("run", run.run, run.EXAMPLES),
    ("resume", resume.resume, resume.EXAMPLES),
    ("test", test.run_test, test.EXAMPLES),
    ("predict", predict.predict, predict.EXAMPLES),
    ("export", export.export, export.EXAMPLES),
    ("check", check.check, check.EXAMPLES),
    ("verify", verify.verify, verify.EXAMPLES),
    ("fetch", fetch.fetch, fetch.EXAMPLES),
    ("ls", ls.ls, ls.EXAMPLES),
    ("show", show.show, show.EXAMPLES),
    ("cp", cp.cp, cp.EXAMPLES),
    ("schema", schema.schema, schema.EXAMPLES),
    ("new", new.new, new.EXAMPLES),
    ("plugins", plugins.plugins, plugins.EXAMPLES),
    ("test-plugin", test_plugin.run_checks, test_plugin.EXAMPLES),
    ("runs", runs.runs, runs.EXAMPLES),
):
    # rich keeps the line ends of a docstring's later paragraphs, wherever they fall in its own lines.
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    app.command(name, cls=Command, help=text, epilog=epilog)(command if name == "runs" else with_plugins(command))


def _version(wanted: bool) -> None:
    if wanted:
        from toolkit.cli.version import print_versions

        print_versions()
        raise typer.Exit


@app.callback(invoke_without_command=True)
def toolkit(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print versions and leave.")
    ] = False,
) -> None:
    """Train what a recipe describes: one page names the components, installed packages provide them."""
    if context.invoked_subcommand is None:
        print(context.get_help())
