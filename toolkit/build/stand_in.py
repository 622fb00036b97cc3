"""What stands in for data that is not on this machine. Imports torch."""

from __future__ import annotations

import inspect
from typing import Any

from toolkit.build.construct import BuildError
from toolkit.check import Block
from toolkit.errors import RequestError


def data_is_absent(error: BuildError) -> bool:
    """Whether the dataset found no files, or could not download them; a wrong argument of its own is no such thing."""
    return error.problem.key == "dataset" and isinstance(error.__cause__, (OSError, RequestError))


def stood_in(dataset: Block, seed: int) -> Any:
    """What a dataset's ``stand_in(seed)`` makes, or None where it has none.

    What it takes besides are arguments of the dataset, as the recipe sets them: shapes of the samples that nothing
    else tells.
    """
    stand_in = getattr(dataset.component.target, "stand_in", None)
    if stand_in is None:
        return None
    names = [name for name in list(inspect.signature(stand_in).parameters)[1:] if name in dataset.arguments]
    return stand_in(seed, **{name: dataset.arguments[name] for name in names})
