"""The block `loader` of a recipe: its keys, their types and what they mean. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from toolkit.errors import RequestError
from toolkit.recipe.grammar import BATCH_SIZE


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    """How batches are made; the keys of the block `loader`."""

    batch_size: int | Literal["auto"] = BATCH_SIZE
    """Samples in a batch of one process: two processes take `2 * batch_size` samples a step. `auto` for the largest
    power of two that fits in memory, which is found before a run begins."""
    eval_batch_size: int | None = None
    """The same in validation and test; `batch_size` when None. It changes no result, only speed and memory."""
    workers: int | Literal["auto"] = 0
    """Processes that read map-style and iterable datasets; `auto` for as many as are measured to read fastest. Tensors
    in memory and arrays on disk need none and ignore this."""
    drop_last: bool = False
    """Leave out the last batch of a training epoch when it is not full. Validation and test use every sample."""
    resident: bool = False
    """Keep tensors on the device from the start instead of moving every batch there."""
    on_bad_sample: Literal["stop", "skip"] = "stop"
    """What happens when a map-style dataset raises an exception for a sample: the run stops, or the sample is left out
    of its batch, counted and listed in `run.json`."""

    def size(self, split: str) -> int:
        """The batch size of a split."""
        if split != "train" and self.eval_batch_size is not None:
            return self.eval_batch_size
        if self.batch_size == "auto":
            raise RequestError("loader.batch_size: auto is found for a run, before it begins; give a number here")
        return self.batch_size


LOADER_KEYS = tuple(each.name for each in fields(LoaderSettings))

LEAST: Mapping[str, int] = {"batch_size": 1, "eval_batch_size": 1, "workers": 0}
"""By key, the smallest whole number that makes sense."""
