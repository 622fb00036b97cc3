"""A run outlives whoever reads what it prints: ``toolkit run | head -3`` trains to its end. Imports nothing heavy."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any


@contextmanager
def lasting_output() -> Iterator[None]:
    """Inside, what is printed after its reader has gone is dropped; the streams of a notebook stay as they are."""
    with ExitStack() as around:
        for stream, redirected in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if isinstance(stream, io.TextIOWrapper) and _has_descriptor(stream):
                around.enter_context(redirected(around.enter_context(_lasting(stream))))
        yield


class _Lasting(io.TextIOWrapper):
    """Leads nowhere from the first broken pipe on, and with it everyone who writes to the same descriptor."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            self._lead_nowhere()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._lead_nowhere()

    def _lead_nowhere(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        # What was held back would be written before the next text.
        super().flush()


@contextmanager
def _lasting(stream: io.TextIOWrapper) -> Iterator[_Lasting]:
    options: dict[str, Any] = {
        name: getattr(stream, name) for name in ("encoding", "errors", "line_buffering", "write_through")
    }
    lasting = _Lasting(stream.buffer, **options)
    try:
        stream.flush()
    except BrokenPipeError:
        lasting._lead_nowhere()
        stream.flush()
    try:
        yield lasting
    finally:
        lasting.flush()
        # The buffer goes on to be the stream's.
        lasting.detach()


def _has_descriptor(stream: io.TextIOWrapper) -> bool:
    try:
        stream.fileno()
    except OSError:  # what a test or a program captures in memory
        return False
    return True
