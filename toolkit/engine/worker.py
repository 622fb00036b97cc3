"""``python -m toolkit.engine.worker MODULE:FUNCTION ARGUMENT...``: one process of a distributed run.

Imports nothing of the toolkit itself: what to call is told by the process that starts it, `toolkit.engine.launch`.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import os
import signal
import sys
import threading
from typing import NoReturn

GRACE_SECONDS = 20
"""How long a process that nobody watches over any more may take to end in order."""


def main(arguments: list[str]) -> int:
    """Calls what the first argument names with the others, and ends when the process that started this one does."""
    # Where it crashed, for its log: of a segmentation fault there would be nothing else.
    faulthandler.enable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, _, function = arguments[0].partition(":")
    # The collector finds nothing in what is imported, and looks through all of it: 2.7 s of 7 s of processor time.
    gc.disable()
    called = getattr(importlib.import_module(module), function)
    gc.freeze()
    gc.enable()
    return int(called(*arguments[1:]))


def _end_with_parent() -> None:
    # Nothing is ever written there: reading returns when the other end is gone.
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)
    # One that waits for another process inside a library of C hears no signal.
    threading.Event().wait(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _end(code: int) -> NoReturn:
    """Ends this process in order, but for the interpreter.

    A thread of gloo that still runs while the interpreter is taken down can end the process with "terminate called":
    a run that has done everything would be one that failed.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end(main(sys.argv[1:]))
