"""``toolkit runs``: the runs there are. Reads what lies in their folders and imports nothing heavy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.arguments import Json, examples

if TYPE_CHECKING:
    from toolkit.tracking.folder import RunFolder

EXAMPLES = examples("toolkit runs", "toolkit runs vision/digits finished", "toolkit runs --json")

_UNITS = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))


def runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts that must all occur in a run's recipe, id, status, name or tags.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List runs, the newest first, with status and best metric."""
    from toolkit.cli.output import Column, note, print_json, table
    from toolkit.tracking.folder import list_runs, runs_root

    told = [run for run in map(_told, list_runs()) if _has(run, words or [])]
    if as_json:
        print_json(told)
    elif told:
        now = datetime.now(UTC)
        table(
            (
                Column("run", "bold"),
                Column("recipe", fold=True),
                Column("status"),
                Column("best", fold=True),
                Column("age"),
                Column("name", fold=True),
            ),
            [
                (run["id"], run["recipe"], run["status"], _best(run["best"]), _age(run["created"], now), run["name"])
                for run in told
            ],
            indent=0,
            headings=True,
        )
    else:
        which = f"run of {' '.join(words)!r}" if words else "run"
        note(f"There is no {which} in {runs_root()}. Start one: toolkit run RECIPE")


def _told(folder: RunFolder) -> dict[str, Any]:
    """A run as ``--json`` prints it."""
    content = folder.read_json()
    return {
        "id": folder.id,
        "recipe": str(content.get("recipe", folder.path.parent.name)),
        "status": folder.status(),
        "reason": content.get("reason", ""),
        "name": content.get("name", ""),
        "tags": content.get("tags", []),
        "note": content.get("note", ""),
        "overrides": content.get("overrides", []),
        "created": content.get("created"),
        "seconds": content.get("seconds"),
        "best": _best_of(folder, content),
        "metrics": content.get("metrics", {}),
        "folder": str(folder.path),
    }


def _best_of(folder: RunFolder, content: dict[str, Any]) -> dict[str, Any] | None:
    """The best that a run has reached: one that goes on, or was killed, has not written it into ``run.json``."""
    from toolkit.engine.checkpoints import best_record

    best: dict[str, Any] | None = content.get("best")
    monitor = content.get("monitor")
    return best or (best_record(folder.checkpoints, monitor["metric"], monitor["mode"]) if monitor else None)


def _has(run: dict[str, Any], words: list[str]) -> bool:
    where = [run["recipe"], run["id"], run["status"], run["name"], *run["tags"]]
    return all(any(word.lower() in text.lower() for text in where) for word in words)


def _best(best: dict[str, Any] | None) -> str:
    return f"{best['metric']} {best['value']:.4g}" if best else ""


def _age(created: str | None, now: datetime) -> str:
    """How long ago a run was begun, in one unit: ``5 min``."""
    if not created:
        return ""
    seconds = max(0, int((now - datetime.fromisoformat(created)).total_seconds()))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), ("s", 1))
    count = seconds // size
    return f"{count} {unit}s" if unit == "day" and count > 1 else f"{count} {unit}"
