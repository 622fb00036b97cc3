"""Lightning callbacks whose own arguments no recipe can write, in a form that one can.

Imports Lightning, and nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytorch_lightning.callbacks import GradientAccumulationScheduler


class GradientAccumulation(GradientAccumulationScheduler):
    """Accumulates gradients over a number of batches that changes with the epoch.

    Lightning's own callback takes epochs as integer keys, and the keys of a recipe are strings. In a recipe::

        callbacks:
          gradient_accumulation: {scheduling: {"0": 8, "4": 2}}

    Args:
        scheduling: from the epoch (counted from 0, written as a string) at which it begins, to the number of
            batches that make one optimizer step.

    Raises:
        ValueError: a key is not a whole number.
    """

    def __init__(self, scheduling: Mapping[str, int]) -> None:
        for epoch in scheduling:
            if not epoch.isdecimal():
                raise ValueError(f'the keys of scheduling are epochs, such as "4", not {epoch!r}')
        super().__init__({int(epoch): batches for epoch, batches in scheduling.items()})
