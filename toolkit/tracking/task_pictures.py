"""Saves the pictures that a task draws in a validation, while it trains, and gives them to loggers. Imports Lightning.

Those of the last evaluation are saved when the run is over: `toolkit.tracking.plots`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from toolkit.tracking.plots import file_stem, save_picture


class TaskPictures(pl.Callback):
    """After every validation of a fit, saves the pictures that the task has drawn in it, and logs them.

    Args:
        folder: where they are saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, Tensor] = {}
        """A task leaves those alone that it draws in a test only."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        pictures: Mapping[str, Tensor] = getattr(pl_module, "pictures", {})
        new = {name: picture for name, picture in pictures.items() if self._seen.get(name) is not picture}
        self._seen.update(new)
        # Lightning logs the metrics of this evaluation under the same.
        step = trainer.fit_loop.epoch_loop._batches_that_stepped
        loggers: list[Any] = [logger for logger in trainer.loggers if hasattr(logger, "log_image")]
        for name, picture in new.items():
            path = save_picture(picture, self._folder / f"{file_stem(name, 'picture')}.png")
            for logger in loggers:
                logger.log_image(f"plots/{name}", [path], step)
