"""`self.log` without asking again what was asked before. Imports torch and Lightning.

The name, where it goes and how it is summed up are the same at every step. Lightning checks them each time, which costs
more than the sum.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.trainer.connectors.logger_connector.result import _ResultMetric
from torch import Tensor


class DirectLog:
    """What a task's ``log`` is during one epoch."""

    def __init__(self, loop: _TrainingEpochLoop, module: pl.LightningModule) -> None:
        self._loop = loop
        self._module = module
        self._known: dict[str, tuple[tuple[Any, ...], _ResultMetric]] = {}
        """What `training_step` has logged so far: how, and where Lightning keeps its sum."""

    def log(
        self,
        name: str,
        value: Any,
        prog_bar: bool = False,
        logger: bool | None = None,
        on_step: bool | None = None,
        on_epoch: bool | None = None,
        reduce_fx: Any = "mean",
        enable_graph: bool = False,
        sync_dist: bool = False,
        sync_dist_group: Any = None,
        add_dataloader_idx: bool = True,
        batch_size: int | None = None,
        metric_attribute: str | None = None,
        rank_zero_only: bool = False,
    ) -> None:
        """``LightningModule.log``, to the same sums."""
        said: tuple[Any, ...] = (
            prog_bar,
            logger,
            on_step,
            on_epoch,
            reduce_fx,
            sync_dist,
            sync_dist_group,
            add_dataloader_idx,
            metric_attribute,
            rank_zero_only,
        )
        found = self._known.get(name)
        direct = type(value) is Tensor and value.dim() == 0 and value.is_floating_point() and not enable_graph
        connector = self._loop.trainer._logger_connector
        # At the first batch of an epoch Lightning looks which sums to begin anew.
        direct = direct and connector._first_loop_iter is False and self._module._current_fx_name == "training_step"
        if found is not None and direct and found[0] == said:
            result = found[1]
            results = self._loop._results
            size = results._extract_batch_size(result, batch_size, result.meta)
            with torch.no_grad():
                _ResultMetric.update(result, value.detach(), size)
            result._computed = None
            result._update_count += 1
            result.has_reset = False
            connector._current_fx = "training_step"
            return
        pl.LightningModule.log(
            self._module,
            name,
            value,
            prog_bar=prog_bar,
            logger=logger,
            on_step=on_step,
            on_epoch=on_epoch,
            reduce_fx=reduce_fx,
            enable_graph=enable_graph,
            sync_dist=sync_dist,
            sync_dist_group=sync_dist_group,
            add_dataloader_idx=add_dataloader_idx,
            batch_size=batch_size,
            metric_attribute=metric_attribute,
            rank_zero_only=rank_zero_only,
        )
        logged = self._loop._results.get(f"training_step.{name}")
        if direct and logged is not None:  # a trainer of bare bones keeps none
            self._known[name] = (said, logged)
