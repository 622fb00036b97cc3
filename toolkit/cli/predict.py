"""``toolkit predict``: what a run's model makes of files, folders or standard input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.arguments import AllowCode, Checkpoint, RunName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import RequestError, shown_path

EXAMPLES = examples(
    "toolkit predict last photo.jpg other.png",
    "toolkit predict last photos/ --output found.csv",
    "cat photo.jpg | toolkit predict last -",
    'toolkit predict last --prompt "It is a truth" max_tokens=100',
    "toolkit predict last --users 196 186 top=10",
)

FORMATS = (".jsonl", ".csv")


def predict(
    run: RunName,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders whose files are taken in the order of their names, or - for standard input. With "
            "--prompt KEY=VALUE, how the task goes on with it; with --users more users, and KEY=VALUE.",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="A text in place of files; give it several times for several texts.",
            show_default=False,
        ),
    ] = None,
    users: Annotated[
        list[str] | None,
        typer.Option(
            "--users",
            metavar="USER",
            help="In place of files: users of the run's data, to whom it recommends.",
            show_default=False,
        ),
    ] = None,
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
    checkpoint: Checkpoint = "best",
    allow_code: AllowCode = False,
    traceback: Traceback = False,
) -> None:
    """Predict with a run's best checkpoint: a line for each sample.

    Inputs are read and prepared as in the run, whose data need not be there. The lines are JSON, or what --output says.
    What a language model makes of one --prompt is printed as it comes.
    """
    from toolkit.cli.rows import RowFile, Streamed
    from toolkit.tracking.console import counted
    from toolkit.tracking.folder import find

    # Before torch is imported: what is not there, or would be written over, is told of at once.
    folder = find(run)
    prompts, asked, words = prompt or (), users or (), inputs or ()
    _refuse(prompts, asked, words, pictures)
    file = None if output is None else Path(output).expanduser()
    drawn = None if pictures is None else Path(pictures).expanduser()
    if file is not None and file.suffix not in FORMATS:
        raise RequestError(f"--output {output}: a name that ends in {' or '.join(FORMATS)} says how to write it")
    if file is not None and file.exists():
        raise RequestError(f"--output {output}: this file exists; take another name, or remove it")
    with no_collection():
        from toolkit import runs

    with RowFile(file) as rows, Streamed() as text, shown_tracebacks(traceback):
        if prompts:
            done = runs.predict_prompts(
                folder,
                prompts,
                words,
                rows.write,
                text.write if file is None else None,
                checkpoint=checkpoint,
                pictures=drawn,
                allow_code=allow_code,
                given_in="command line",
            )
        elif asked:
            # `top = 5`, in three words, names no users.
            spaced = any(word.startswith("=") for word in words)
            done = runs.predict_users(
                folder,
                [*asked, *(word for word in words if not spaced and "=" not in word)],
                [word for word in words if spaced or "=" in word],
                rows.write,
                checkpoint=checkpoint,
                allow_code=allow_code,
                given_in="command line",
            )
        else:
            done = runs.predict(folder, words, rows.write, checkpoint=checkpoint, pictures=drawn, allow_code=allow_code)
    if file is not None:
        said = counted(done.count, "row") + (f" in {shown_path(file)}" if done.count else "")
        typer.echo(f"{said}, by {done.checkpoint.name}", err=True)
    if drawn is not None:
        typer.echo(f"{counted(done.pictures, 'picture')} in {shown_path(drawn)}", err=True)
    if done.failed:
        listed = "\n".join(f"{name}: {reason}" for name, reason in done.failed.items())
        unread = counted(len(done.failed), "input")
        raise RequestError(f"{listed}\n{unread} could not be read; {counted(done.count, 'sample')} predicted.")


def _refuse(prompts: Sequence[str], users: Sequence[str], words: Sequence[str], pictures: str | None) -> None:
    """What is neither an input nor a prompt nor a user, or more than one of these."""
    if not prompts and not users and not words:
        raise RequestError(
            "INPUT... is missing: name files, folders or -, or give a text with --prompt, or users with --users\n"
            "`toolkit predict --help` tells more."
        )
    if prompts and users:
        raise RequestError("--prompt and --users: one of them takes the place of files; leave out the other")
    if users and pictures is not None:
        raise RequestError("--pictures: there are no pictures of what is recommended to users")
    files = [word for word in words if "=" not in word] if prompts else []
    # `max_tokens = 5`, in three words, is another mistake.
    if files and not any(word.startswith("=") for word in words):
        raise RequestError(f"--prompt takes the place of files: leave out {', '.join(files)}, or --prompt")
    if any(not text.isascii() and text != text.encode(errors="replace").decode() for text in prompts):
        raise RequestError("--prompt: it must be Unicode text")
