"""Runs recipes and holds what comes of them against what they expect. Imports Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.build import BuildError
from toolkit.data.download import unreachable
from toolkit.errors import RequestError, ToolkitError, VerifyError
from toolkit.recipe import Recipe
from toolkit.registry import Registry
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.results import Row
from toolkit.runs.start import run
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.provenance import hardware_line, short_commit

_NO_NETWORK = "not run here: it needs a download, and no server can be reached; where there is a network: toolkit fetch"


def verify(recipes: Sequence[Recipe], *, root: Path | None = None, registry: Registry | None = None) -> list[Row]:
    """Run recipes, one after the other, and compare their results with ``expect``.

    One that fails does not keep the others from running; one that needs a download on a machine without a network is
    not run, and none of its expectations is met.

    Args:
        recipes: what `toolkit.load` returned, without overrides: a changed recipe is not what its promise is about.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.

    Returns:
        A row for every expectation of every recipe; `differences` says what is wrong with them.

    Raises:
        RequestError: a recipe has overrides, or expects nothing.
    """
    refuse_launchers("toolkit verify")
    for recipe in recipes:
        if recipe.overrides:
            raise RequestError(f"{recipe.name}: a recipe is verified as it is written, without overrides")
        if not recipe.get("expect"):
            example = "expect: {test/accuracy: '>= 0.98'}"
            raise RequestError(f"{recipe.name} expects nothing. Say in it what it reaches, such as {example}")
    registry = registry or Registry.scan()
    return [row for recipe in recipes for row in _verified(recipe, root, registry)]


def differences(rows: Sequence[Row]) -> list[str]:
    """One line for each expectation that is not met."""
    wrong = [row for row in rows if not row.met]
    lines = [f"{row.recipe}: {row.metric} is {row.shown_value}, expected {row.expected}" for row in wrong]
    return [line + (f" ({row.reason})" if row.reason else "") for line, row in zip(lines, wrong, strict=True)]


def raise_differences(rows: Sequence[Row]) -> None:
    """Raises VerifyError with all `differences`, if there are any."""
    found = differences(rows)
    if found:
        count = "1 result differs" if len(found) == 1 else f"{len(found)} results differ"
        raise VerifyError("\n".join([*found, f"{count} from what the recipes expect."]))


def _verified(recipe: Recipe, root: Path | None, registry: Registry) -> list[Row]:
    expect: dict[str, Any] = dict(recipe.get("expect"))
    try:
        result = run(recipe, name="verify", root=root, registry=registry)
    except ToolkitError as error:
        if error.exit_code >= 128:  # somebody wants to stop all of it
            raise
        # Of an error while the run goes on nobody can say that a network would have helped.
        left_out = isinstance(error, BuildError) and unreachable(error)
        reason = f"{_NO_NETWORK} {recipe.name}" if left_out else str(error).splitlines()[0]
        return [
            Row(recipe.name, metric, text, None, False, reason=reason, left_out=left_out)
            for metric, text in expect.items()
        ]
    record = RunFolder(result.folder).read_json()
    tested = record.get("tested") or {}
    return [
        Row(
            recipe=recipe.name,
            metric=metric,
            expected=held["expected"],
            value=held["value"],
            met=bool(held["met"]),
            checkpoint=tested.get("which", ""),
            seconds=float(record["seconds"]),
            hardware=hardware_line(record["machine"]),
            date=str(record["created"])[:10],
            commit=short_commit(record.get("git")),
        )
        for metric, held in record["expect"].items()
    ]
