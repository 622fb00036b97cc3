"""``toolkit resume``: go on with a run that was stopped, or train a finished one longer."""

from __future__ import annotations

from toolkit.cli.arguments import AllowCode, Overrides, RunName, Traceback, examples
from toolkit.cli.garbage import no_collection
from toolkit.cli.tracebacks import shown_tracebacks
from toolkit.cli.voice import one_voice

EXAMPLES = examples("toolkit resume last", "toolkit resume 20260131-093000-abcd trainer.max_epochs=40")


def resume(
    run: RunName, overrides: Overrides = None, allow_code: AllowCode = False, traceback: Traceback = False
) -> None:
    """Go on with a run that was stopped, or train it longer.

    It goes on from its last checkpoint, in the same folder and the same W&B run. trainer.max_* and loggers can be
    changed; for anything else begin a new run.
    """
    from toolkit.tracking.folder import find
    from toolkit.tracking.resumable import refuse_resume

    with one_voice() as first:
        # Before torch is imported: a run that is not there, or cannot be gone on with, is told of at once.
        folder = find(run)
        if first:
            refuse_resume(folder, overrides or ())
        with no_collection():
            from toolkit import runs

        with shown_tracebacks(traceback):
            runs.resume(folder, overrides or (), allow_code=allow_code, given_in="command line")
