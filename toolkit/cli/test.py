"""``toolkit test``: a run's best checkpoint on its test split, or on other data."""

from __future__ import annotations

from toolkit.cli.arguments import AllowCode, Json, Overrides, RunName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.errors import shown_path

EXAMPLES = examples("toolkit test last", "toolkit test last dataset=fashion_mnist")


def run_test(
    run: RunName,
    overrides: Overrides = None,
    allow_code: AllowCode = False,
    traceback: Traceback = False,
    as_json: Json = False,
) -> None:
    """Test a run's best checkpoint, also on other data.

    The result is kept with the run. Overrides can change the dataset, its loading, and the metrics.
    """
    from toolkit.cli.output import Column, print_json, say, table
    from toolkit.tracking.changes import BY_TEST, refuse_changes
    from toolkit.tracking.folder import find

    # Before torch is imported: a run that is not there, or a change that no test can make, is told of at once.
    folder = find(run)
    refuse_changes(overrides or (), BY_TEST, "a test")
    with no_collection():
        from toolkit import runs
    from toolkit.tracking import console

    with shown_tracebacks(traceback):
        result = runs.retest(folder, overrides or (), allow_code=allow_code, given_in="command line")
    if as_json:
        print_json(
            {
                "id": folder.id,
                "checkpoint": str(result.checkpoint),
                "metrics": dict(result.metrics),
                "signatures": dict(result.signatures),
                "pictures": [str(path) for path in result.pictures],
                "tables": [str(path) for path in result.tables],
            }
        )
        return
    say(f"{folder.id}: tested {result.checkpoint.name}")
    table((Column("metric", "bold"), Column("value")), [(name, console.shown(v)) for name, v in result.metrics.items()])
    for label, signature in result.signatures.items():
        say(f"{label}: {signature}")
    for path in (*result.pictures, *result.tables):
        say(shown_path(path))
