"""The `loader` block of a recipe as typed values. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from toolkit.errors import RequestError, did_you_mean
from toolkit.recipe.grammar import BATCH_SIZE


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    """How batches are made; the keys of the block `loader`."""

    batch_size: int = BATCH_SIZE
    """Samples in a batch of one process: two processes take `2 * batch_size` samples a step."""
    eval_batch_size: int | None = None
    """The same in validation and test; `batch_size` when None. It changes no result, only speed and memory."""
    workers: int = 0
    """Processes that read map-style and iterable datasets. Tensors in memory need none and ignore this."""
    drop_last: bool = False
    """Leave out the last batch of a training epoch when it is not full. Validation and test use every sample."""
    resident: bool = False
    """Keep tensors on the device from the start instead of moving every batch there."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> LoaderSettings:
        """The settings of a `loader` block; raises RequestError for an unknown key or a value that makes no sense."""
        known = [item.name for item in fields(cls)]
        for key in values:
            if key not in known:
                raise RequestError(f"loader.{key}: no such key.{did_you_mean(key, known)} Known: {', '.join(known)}")
        for key in ("batch_size", "eval_batch_size", "workers"):
            least = 0 if key == "workers" else 1
            value = values.get(key, least)
            if value is None and key == "eval_batch_size":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise RequestError(f"loader.{key}: a whole number from {least} up is needed, not {value!r}")
        for key in ("drop_last", "resident"):
            if not isinstance(values.get(key, False), bool):
                raise RequestError(f"loader.{key}: true or false is needed, not {values[key]!r}")
        return cls(**values)

    def size(self, split: str) -> int:
        """The batch size of a split."""
        if split == "train" or self.eval_batch_size is None:
            return self.batch_size
        return self.eval_batch_size
