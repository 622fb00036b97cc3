"""``--traceback``: the whole traceback of what went wrong in a component, before the short text that tells of it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.errors import ToolkitError


@contextmanager
def shown_tracebacks(wanted: bool) -> Iterator[None]:
    """Inside, print the traceback of what caused an error of the user's, where ``wanted``; the error goes on."""
    try:
        yield
    except ToolkitError as error:
        if wanted:
            # A run's own traceback is that of the process that failed, which need not be this one.
            text = getattr(error, "traceback", "") or "".join(traceback.format_exception(error.__cause__ or error))
            sys.stdout.flush()
            print(text.rstrip("\n"), file=sys.stderr)
        raise
