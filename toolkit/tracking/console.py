"""Where a run prints: the standard output of the moment, with colours on a terminal and plain lines elsewhere.

Imports rich inside its functions only.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

UNFOLDED = 10_000
"""The width where there is no terminal: a line stays one line, for ``grep`` and for log files."""


def console() -> Console:
    """A console for standard output. A notebook counts as no terminal: its cells keep every line of a moving bar."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        width=None if on_terminal else UNFOLDED,
        highlight=False,
        markup=False,
        emoji=False,
        force_jupyter=False,
    )


def shown(value: float) -> str:
    """A metric's value as people read it: four digits behind the point, or an exponent for the very small and large."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4f}"
    return f"{value:.3e}"


def duration(seconds: float) -> str:
    """A time as people read it: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, noun: str) -> str:
    """``1 epoch``, ``3 epochs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
