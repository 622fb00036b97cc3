"""How a run can end before its time, as errors that a caller sees. Imports nothing heavy."""

from __future__ import annotations

import time
from pathlib import Path

from toolkit.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, RunError


class RunFailed(RunError):
    """A run was started and did not finish.

    The message says why and what to type to go on. What raised is ``__cause__``.
    """

    def __init__(self, message: str, *, folder: Path, reason: str, traceback: str, when: float | None = None) -> None:
        super().__init__(message)
        self.when = time.time() if when is None else when
        """The moment it failed, in seconds since 1970: of several processes the first tells why."""
        self.folder = folder
        """The run's folder."""
        self.reason = reason
        """Why, as ``run.json`` says it."""
        self.traceback = traceback
        """The whole traceback, as ``logs/traceback.txt`` has it; for ``--traceback``."""


class Interrupted(RunFailed):
    """Somebody pressed Ctrl-C."""

    exit_code = EXIT_INTERRUPTED


class Terminated(RunFailed):
    """The process was told to end (SIGTERM)."""

    exit_code = EXIT_TERMINATED
