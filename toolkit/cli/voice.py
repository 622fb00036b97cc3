"""Lets one process speak where torchrun or srun has started several. Imports nothing heavy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.engine.ranks import ToldByRankZero, find_ranks
from toolkit.errors import ToolkitError


@contextmanager
def one_voice() -> Iterator[bool]:
    """Inside, an error ends every process with its exit code and is told once: by rank 0, or, where it is none of
    rank 0's, by the first process of the machine.

    Yields:
        Whether this process is rank 0, or the only one.
    """
    ranks = find_ranks()
    try:
        yield ranks is None or ranks.rank == 0
    except ToolkitError as error:
        own = ranks is None or ranks.rank == 0 or (ranks.local_rank == 0 and not isinstance(error, ToldByRankZero))
        if own:
            raise
        sys.exit(error.exit_code)
