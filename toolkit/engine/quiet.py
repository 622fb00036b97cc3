"""Keeps Lightning's advertisements and well-meant warnings out of a run's output. Imports nothing heavy."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric")

_WARNINGS = (
    # The core decides these itself, or says them in its own words.
    r".*does not have many workers which may be a bottleneck.*",
    r".*is smaller than the logging interval.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*You defined a `validation_step` but have no `val_dataloader`.*",
    r".*No positive callbacks.*",
    r".*`tensorboardX` has been removed as a dependency.*",
    r".*module\(s\) in eval mode at the start of training.*",
    r".*loading a checkpoint outside the 'fit' stage.*",
    r".*callbacks used to create the checkpoint need to be provided.*",
    r".*GPU available but not used.*",
    r".*LeafSpec.* is deprecated.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Inside, Lightning logs warnings and worse only, and not the warnings that say nothing to a user of recipes."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(max(logging.WARNING, logger.level))
        with warnings.catch_warnings():
            for message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
