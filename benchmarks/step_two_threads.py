"""The same as `benchmarks.step`, with two threads.

    python -m benchmarks.step_two_threads [--rounds 15] [--measurements 3] [--tiny]

Protocol. That of `benchmarks.step`, with its variants.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.frame import Settings, main
from benchmarks.step import with_threads
from benchmarks.table import Table


def tables(settings: Settings) -> Iterator[Table]:
    """Both tables of `benchmarks.step`."""
    yield from with_threads(settings, 2)


if __name__ == "__main__":
    main(__doc__, tables)
