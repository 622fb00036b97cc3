"""What a checkpoint from the middle of an epoch must hold beside Lightning's own: sums, metrics, what was shown last.

Lightning's checkpoint (2.6.6) leaves out the sums behind ``self.log(on_epoch=True)``, the states of metrics, and the
metrics of the callbacks; a run that goes on from one loses the first part of the epoch's means. Imports Lightning.
"""

from __future__ import annotations

import builtins
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric, _Sync
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.wrappers import MetricTracker

_SAID = (
    "fx",
    "name",
    "prog_bar",
    "logger",
    "on_step",
    "on_epoch",
    "enable_graph",
    "add_dataloader_idx",
    "dataloader_idx",
    "metric_attribute",
)
"""What ``self.log`` was told of a value, as Lightning keeps it."""
_SHOWN = ("_callback_metrics", "_logged_metrics", "_progress_bar_metrics")


def shown_state(trainer: pl.Trainer) -> dict[str, Any]:
    """The latest value of everything that was logged; schedulers and callbacks look at it long afterwards."""
    connector = trainer._logger_connector
    return {name: {key: _kept(value) for key, value in getattr(connector, name).items()} for name in _SHOWN}


def load_shown_state(trainer: pl.Trainer, state: dict[str, Any]) -> None:
    """Put back what `shown_state` gave."""
    for name in _SHOWN:
        setattr(trainer._logger_connector, name, dict(state[name]))


def inside_state(trainer: pl.Trainer) -> dict[str, Any]:
    """What this process knows of the epoch so far, in the plain form that a checkpoint may hold.

    A task may add to it: what its ``epoch_state()`` returns goes to its ``load_epoch_state(state)``.
    """
    task: Any = trainer.lightning_module
    return {
        "results": {key: _logged(result) for key, result in trainer.fit_loop.epoch_loop._results.items()},
        "accumulate": trainer.accumulate_grad_batches,
        "logged_last_by": trainer._logger_connector._current_fx,
        "tracked": {name: tracker.n_steps for name, tracker in _trackers(task).items()},
        "metrics": {name: _measured(metric) for name, metric in _metrics(task).items() if metric._update_count},
        "task": task.epoch_state() if hasattr(task, "epoch_state") else None,
    }


def load_inside_state(trainer: pl.Trainer, state: dict[str, Any]) -> None:
    """Put back what `inside_state` gave, on the device of the task."""
    task: Any = trainer.lightning_module
    results = trainer.fit_loop.epoch_loop._results
    for key, saved in state["results"].items():
        results[key] = _as_logged(trainer, saved)
    connector = trainer._logger_connector
    # Not the first batch of the epoch, at which Lightning begins its sums anew.
    connector._first_loop_iter = False
    connector._current_fx = state["logged_last_by"]
    # What a callback chose for this epoch at its beginning, which does not come again.
    trainer.accumulate_grad_batches = state["accumulate"]
    for name, tracker in _trackers(task).items():
        while tracker.n_steps < state["tracked"][name]:
            tracker.increment()
    metrics = _metrics(task)
    for name, saved in state["metrics"].items():
        metric = metrics[name]
        for part, value in saved["state"].items():
            setattr(metric, part, _to(value, task.device))
        metric._update_count = saved["updates"]
        metric._computed = None
    if state["task"] is not None:
        task.load_epoch_state(_to(state["task"], task.device))


def _metrics(task: pl.LightningModule) -> dict[str, Any]:
    return {name: module for name, module in task.named_modules() if isinstance(module, Metric)}


def _trackers(task: pl.LightningModule) -> dict[str, Any]:
    """The metrics that make themselves a copy for every epoch."""
    return {name: module for name, module in task.named_modules() if isinstance(module, MetricTracker)}


def _measured(metric: Any) -> dict[str, Any]:
    return {"state": {part: _kept(getattr(metric, part)) for part in metric._defaults}, "updates": metric._update_count}


def _logged(result: Any) -> dict[str, Any]:
    meta, sync = result.meta, result.meta.sync
    saved = {
        **{name: getattr(meta, name) for name in _SAID},
        "reduce_fx": [meta.reduce_fx.__module__, meta.reduce_fx.__name__],
        "sync": [sync.should, sync.rank_zero_only],
        "is_tensor": result.is_tensor,
        "has_reset": result.has_reset,
        "updates": result._update_count,
        "step_value": _kept(result._forward_cache),
    }
    if result.is_tensor:
        saved["value"] = _kept(result.value)
        if meta.is_mean_reduction:
            saved["samples"] = _kept(result.cumulated_batch_size)
    return saved


def _as_logged(trainer: pl.Trainer, saved: dict[str, Any]) -> _ResultMetric:
    device = trainer.lightning_module.device
    meta = _Metadata(**{name: saved[name] for name in _SAID}, reduce_fx=_reduction(*saved["reduce_fx"]))
    should, rank_zero_only = saved["sync"]
    meta.sync = _Sync(_should=should, fn=trainer.strategy.reduce, rank_zero_only=rank_zero_only)
    result: Any = _ResultMetric(meta, saved["is_tensor"])
    if saved["is_tensor"]:
        result.value = _to(saved["value"], device)
        if meta.is_mean_reduction:
            result.cumulated_batch_size = _to(saved["samples"], device)
    elif saved["metric_attribute"] is not None:
        result.value = trainer.lightning_module.get_submodule(saved["metric_attribute"])
    result._forward_cache = _to(saved["step_value"], device)
    result.has_reset = saved["has_reset"]
    result._update_count = saved["updates"]
    found: _ResultMetric = result
    return found


def _reduction(module: str, name: str) -> Any:
    # Lightning takes Python's own max, min and sum as they are.
    return getattr(builtins if module == "builtins" else torch, name)


def _kept(value: Any) -> Any:
    """A copy that what comes next cannot change."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return [_kept(part) for part in value] if isinstance(value, list) else value


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    return [_to(part, device) for part in value] if isinstance(value, list) else value
