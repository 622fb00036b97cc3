"""Makes Lightning's Trainer: from the recipe's arguments, the core's own, and nobody else's. Imports Lightning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.utilities.device_parser import _select_auto_accelerator
from pytorch_lightning.callbacks import ModelSummary, WeightAveraging
from pytorch_lightning.callbacks.checkpoint import Checkpoint
from pytorch_lightning.loggers import Logger

from toolkit.build import Experiment
from toolkit.engine.averaging import averaging
from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.epochs import KEEP, SAVE, Checkpoints
from toolkit.engine.external import no_external_callbacks
from toolkit.engine.fast_loop import use_fast_loop
from toolkit.engine.nonfinite import StopWhenNotFinite
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.rank_environment import RankEnvironment
from toolkit.engine.refusal import trainer_refusal
from toolkit.errors import RequestError
from toolkit.recipe import Recipe

LOG_EVERY = 50


def trainer_options(
    experiment: Experiment,
    *,
    folder: Path,
    checkpoints: Path,
    run_id: str,
    callbacks: Iterable[pl.Callback],
    loggers: Iterable[Logger],
    batches_per_epoch: int | None,
) -> dict[str, Any]:
    """The keyword arguments of the Trainer that trains ``experiment``.

    Args:
        experiment: what is trained.
        folder: the run's folder, for what Lightning and its profilers write themselves.
        checkpoints: where checkpoints go.
        run_id: the run's id.
        callbacks: the recipe's, and those of other packages.
        loggers: the recipe's.
        batches_per_epoch: of a training epoch, on each process, where the data says.

    Returns:
        A new dict; ``callbacks`` and ``logger`` are new lists.

    Raises:
        RequestError: two parts of the recipe average the weights.
    """
    checked = experiment.checked
    options = dict(checked.trainer)
    keep: Mapping[str, int] = {**KEEP, **(checked.engine.get("keep") or {})}
    save: Mapping[str, Any] = {**SAVE, **(checked.engine.get("save") or {})}
    monitor = experiment.monitor
    saves = Checkpoints(
        checkpoints,
        run_id,
        monitor=monitor.name if monitor else None,
        mode=monitor.mode if monitor else "min",
        keep_best=keep["best"],
        keep_last=keep["last"],
        every_n_steps=save["steps"],
        every_minutes=save["minutes"],
    )
    others = [*callbacks, *averaging(checked.engine.get("ema"))]
    if sum(isinstance(callback, WeightAveraging) for callback in others) > 1:
        raise RequestError("engine.ema: a callback of the recipe averages the weights too; keep one of them")
    if options.get("log_every_n_steps") is None:
        steps = LOG_EVERY if batches_per_epoch is None else _optimizer_steps(batches_per_epoch, options)
        options["log_every_n_steps"] = min(LOG_EVERY, steps)
    # The core prints a header of its own; a summary is there for who asks for one.
    if options.get("enable_model_summary") is None:
        options["enable_model_summary"] = any(isinstance(callback, ModelSummary) for callback in others)
    if options.get("enable_autolog_hparams") is None:
        options["enable_autolog_hparams"] = False
    return {
        **options,
        "enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in others),
        "default_root_dir": str(folder),
        "plugins": [PlainCheckpointIO()],
        "callbacks": [saves, *others, StopWhenNotFinite()],
        "logger": list(loggers),
    }


def make_trainer(options: Mapping[str, Any], recipe: Recipe | None = None) -> pl.Trainer:
    """The Trainer with these arguments.

    Args:
        options: the keyword arguments.
        recipe: where they come from, for the place of what Lightning refuses.

    Raises:
        RequestError: Lightning refuses them; the message is its own.
    """
    try:
        with quiet_lightning(), no_external_callbacks():
            trainer = pl.Trainer(**{**options, "plugins": _with_ranks(options.get("plugins"))})
    # Lightning has no common error for arguments that do not go together or that this machine cannot satisfy.
    except Exception as error:
        message = " ".join(str(error).split()) or type(error).__name__
        if recipe is not None:
            raise trainer_refusal(message, recipe) from error
        raise RequestError(f"trainer: Lightning refuses this: {message}") from error
    use_fast_loop(trainer)
    return trainer


def _with_ranks(plugins: Any) -> list[Any]:
    """Lightning's plugins, and what tells it which process this is; a cluster environment among them stays."""
    listed = list(plugins) if isinstance(plugins, (list, tuple)) else [] if plugins is None else [plugins]
    return listed if any(isinstance(each, ClusterEnvironment) for each in listed) else [*listed, RankEnvironment()]


def processes(trainer: Mapping[str, Any]) -> int:
    """How many processes the block ``trainer`` of a recipe asks for on this machine."""
    devices = trainer.get("devices", 1)
    if isinstance(devices, list):
        return len(devices)
    if str(devices) in ("auto", "-1"):
        return max(1, torch.cuda.device_count()) if trainer.get("accelerator") != "cpu" else 1
    if isinstance(devices, str) and not devices.strip().isdecimal():
        return len([part for part in devices.split(",") if part.strip()])
    return int(devices)


def automatic_accelerator() -> str:
    """What ``accelerator: auto`` means on this machine: ``cuda``, ``mps``, ``cpu`` or another that Lightning finds."""
    return str(_select_auto_accelerator())


def _optimizer_steps(batches: int, options: Mapping[str, Any]) -> int:
    """Optimizer steps in an epoch of so many batches, as Lightning limits and counts them."""
    limit = options.get("overfit_batches") or options.get("limit_train_batches")
    if limit is not None:
        batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    return max(1, math.ceil(batches / (options.get("accumulate_grad_batches") or 1)))
