"""Ctrl-C and SIGTERM during a run: both end it in order, and neither keeps it from saying so. Imports nothing heavy."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """Somebody wants the run to end. Not an Exception, and not KeyboardInterrupt: a component that catches the first
    must not swallow it, and Lightning answers the second with ``sys.exit(1)``."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Signals:
    """What a run does about signals.

    The first one raises `Stopped` where the program stands. From then on all are ignored until `listen` is called, when
    ``run.json`` has been written.
    """

    def __init__(self, stops_by_itself: Callable[[], bool]) -> None:
        self._stops_by_itself = stops_by_itself
        self._process = os.getpid()
        self._deaf = False

    def ignore(self) -> None:
        """Ignore signals from now on: the run is ending anyway."""
        self._deaf = True

    def listen(self) -> None:
        """Let the next signal stop what is going on."""
        self._deaf = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A loader's worker has inherited this handler and does what it would have done without.
            if signum == signal.SIGINT:
                signal.default_int_handler(signum, frame)
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif not self._deaf and not (signum == signal.SIGTERM and self._stops_by_itself()):
            self._deaf = True
            raise Stopped(signum)


@contextmanager
def run_signals(stops_by_itself: Callable[[], bool]) -> Iterator[Signals]:
    """Inside, Ctrl-C and SIGTERM raise `Stopped`; outside the main thread, where Python allows no handler, they do not.

    Args:
        stops_by_itself: whether Lightning has heard a SIGTERM and ends the training after the batch at hand.
    """
    signals = Signals(stops_by_itself)
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before: dict[int, Any] = {}
    try:
        for signum in (signal.SIGINT, signal.SIGTERM):
            before[signum] = signal.signal(signum, signals.handle)
        yield signals
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python, and cannot be set from there.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
