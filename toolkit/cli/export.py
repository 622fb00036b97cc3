"""``toolkit export``: a run's model as a program that needs nothing but torch."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from toolkit.cli.arguments import AllowCode, Checkpoint, Json, RunName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import shown_path

EXAMPLES = examples("toolkit export last", "toolkit export 20260131-093000-abcd --output served/")


def export(
    run: RunName,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Where to write it; `export` in the run's folder otherwise.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Checkpoint = "best",
    allow_code: AllowCode = False,
    traceback: Traceback = False,
    as_json: Json = False,
) -> None:
    """Write a run's model as a program that plain torch runs.

    It takes batches as the dataset makes them, evaluation transforms included, on the CPU, and was held against the
    model on some that it had not seen. The run's data has to be there.
    """
    from toolkit.cli.output import Column, print_json, say, table
    from toolkit.tracking.exported import export_folder
    from toolkit.tracking.folder import find

    # Before torch is imported: a run that is not there, or a folder that is, is told of at once.
    folder = find(run)
    target = export_folder(folder, output)
    with no_collection():
        from toolkit import runs

    with shown_tracebacks(traceback):
        done = runs.export(folder, target, checkpoint=checkpoint, allow_code=allow_code)
    if as_json:
        print_json(
            {
                "id": folder.id,
                "checkpoint": str(done.checkpoint),
                "folder": str(done.folder),
                "files": list(done.files),
                "inputs": done.inputs,
                "outputs": done.outputs,
                "difference": done.difference,
            }
        )
        return
    say(f"{folder.id}: exported {done.checkpoint.name} to {shown_path(done.folder)}")
    table(
        (Column("what", "bold"), Column("value", fold=True)),
        [
            ("files", ", ".join(done.files)),
            ("inputs", _shown(done.inputs)),
            ("outputs", _shown(done.outputs)),
            ("checked", f"on another batch: at most {done.difference:.3g} from the model's own outputs"),
        ],
    )
    say(f'torch.export.load("{shown_path(done.folder / done.files[0])}").module()(inputs)')


def _shown(described: Any) -> str:
    if isinstance(described, dict):
        return "{" + ", ".join(f"{name}: {_shown(part)}" for name, part in described.items()) + "}"
    if isinstance(described, (list, tuple)):
        return "(" + ", ".join(map(_shown, described)) + ")"
    return str(described)
