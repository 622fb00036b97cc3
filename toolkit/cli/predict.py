"""``toolkit predict``: what a run's model makes of files, folders or standard input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.arguments import AllowCode, RunName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import RequestError, shown_path

EXAMPLES = examples(
    "toolkit predict last photo.jpg other.png",
    "toolkit predict last photos/ --output found.csv",
    "cat photo.jpg | toolkit predict last -",
)

FORMATS = (".jsonl", ".csv")


def predict(
    run: RunName,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders whose files are taken in the order of their names, or - for standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", metavar="FILE", help="Write the rows to this file, .jsonl or .csv.", show_default=False
        ),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            "--pictures",
            metavar="FOLDER",
            help="Draw what was predicted on each sample, where the task can.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="NAME", help="The checkpoint: best, last, or the name of one.")
    ] = "best",
    allow_code: AllowCode = False,
    traceback: Traceback = False,
) -> None:
    """Predict with a run's best checkpoint: a line for each sample.

    Inputs are read and prepared as in the run, whose data need not be there. The lines are JSON, or what --output says.
    """
    from toolkit.cli.rows import RowFile
    from toolkit.tracking.console import counted
    from toolkit.tracking.folder import find

    # Before torch is imported: what is not there, or would be written over, is told of at once.
    folder = find(run)
    file = None if output is None else Path(output).expanduser()
    drawn = None if pictures is None else Path(pictures).expanduser()
    if file is not None and file.suffix not in FORMATS:
        raise RequestError(f"--output {output}: a name that ends in {' or '.join(FORMATS)} says how to write it")
    if file is not None and file.exists():
        raise RequestError(f"--output {output}: this file exists; take another name, or remove it")
    with no_collection():
        from toolkit import runs

    with RowFile(file) as rows, shown_tracebacks(traceback):
        done = runs.predict(folder, inputs, rows.write, checkpoint=checkpoint, pictures=drawn, allow_code=allow_code)
    if file is not None:
        said = counted(done.count, "row") + (f" in {shown_path(file)}" if done.count else "")
        typer.echo(f"{said}, by {done.checkpoint.name}", err=True)
    if drawn is not None:
        typer.echo(f"{counted(done.pictures, 'picture')} in {shown_path(drawn)}", err=True)
    if done.failed:
        listed = "\n".join(f"{name}: {reason}" for name, reason in done.failed.items())
        unread = counted(len(done.failed), "input")
        raise RequestError(f"{listed}\n{unread} could not be read; {counted(done.count, 'sample')} predicted.")
