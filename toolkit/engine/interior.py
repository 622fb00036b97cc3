"""Which trainings have interior steps (`toolkit.engine.fast_loop`), and why others have none.

Imports torch and Lightning.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning import callbacks as known
from pytorch_lightning.plugins.precision import DoublePrecision, HalfPrecision, MixedPrecision, Precision
from pytorch_lightning.profilers import PassThroughProfiler
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch.optim import LBFGS

from toolkit.engine.averaging import AveragedWeights

LIGHTNING: str = vars(pl)["__version__"]
KNOWN_VERSIONS = frozenset({"2.6.6"})
"""The versions of pytorch-lightning that the interior steps were compared with."""

_BATCH_HOOKS = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
_MODULE_HOOKS = (
    *_BATCH_HOOKS,
    "log",
    "optimizer_step",
    "optimizer_zero_grad",
    "backward",
    "configure_gradient_clipping",
    "lr_scheduler_step",
)
AVERAGING = (known.WeightAveraging, known.EMAWeightAveraging, AveragedWeights)
"""Their hook at the end of a batch is a part of the step, and is called in the interior too."""
_QUIET = (
    known.TQDMProgressBar,
    known.RichProgressBar,
    known.LearningRateMonitor,
    known.DeviceStatsMonitor,
    known.ModelCheckpoint,
    known.EarlyStopping,
    known.Timer,
)
"""Callbacks of Lightning whose hooks for batches do nothing between two boundaries."""


def is_known() -> bool:
    """Whether the installed Lightning is one that interior steps were compared with."""
    return LIGHTNING in KNOWN_VERSIONS


def why_stock(trainer: Any, module: pl.LightningModule) -> str | None:
    """Why every step of this training is Lightning's own; None where interior steps run straight.

    It can be asked before the training has begun, when the optimizer is not there yet.
    """
    if not is_known():
        return f"pytorch-lightning {LIGHTNING} is not one of {', '.join(sorted(KNOWN_VERSIONS))}"
    if not module.automatic_optimization:
        return "the task optimizes by hand (automatic_optimization = False)"
    strategy, precision = trainer.strategy, trainer.precision_plugin
    if type(strategy) is DDPStrategy:
        if strategy._ddp_comm_state is not None or strategy._model_averaging_period is not None:
            return "the strategy averages models"
    elif type(strategy) is not SingleDeviceStrategy:
        return f"the strategy {type(strategy).__name__} has a step of its own"
    if type(precision) not in (Precision, MixedPrecision, HalfPrecision, DoublePrecision):
        return f"the precision {type(precision).__name__} has a step of its own"
    if not isinstance(trainer.profiler, PassThroughProfiler):
        return f"the profiler {type(trainer.profiler).__name__} looks at every step"
    if is_param_in_hook_signature(module.training_step, "dataloader_iter", explicit=True):
        return "training_step takes the iterator of the data"
    for hook in _MODULE_HOOKS:
        if function_of(module, hook) is not getattr(pl.LightningModule, hook):
            return f"the task has {hook}"
    for callback in callbacks_of(trainer):
        for hook in _BATCH_HOOKS:
            if not _is_quiet(callback, hook):
                return f"the callback {type(callback).__name__} has {hook}"
    if len(trainer.optimizers) > 1:
        return "there are several optimizers"
    if any(config.reduce_on_plateau and config.interval == "step" for config in trainer.lr_scheduler_configs):
        return "a plateau scheduler looks at every step"
    if any(isinstance(optimizer, LBFGS) for optimizer in trainer.optimizers):
        return "LBFGS asks for the loss several times a step"
    if trainer.world_size > 1 and trainer._val_check_time_interval is not None:
        return "validation by the clock under several processes"
    return None


def callbacks_of(trainer: pl.Trainer) -> list[Any]:
    """Whose hooks Lightning calls."""
    return list(vars(trainer)["callbacks"])


def function_of(owner: object, name: str) -> Any:
    """What a method is, whoever it is bound to."""
    found = getattr(owner, name)
    return getattr(found, "__func__", found)


def _is_quiet(callback: pl.Callback, hook: str) -> bool:
    """Whether a hook for batches has nothing to do between two boundaries."""
    if function_of(callback, hook) is getattr(pl.Callback, hook) or getattr(callback, "per_batch", True) is False:
        return True
    if hook in vars(callback):
        return False
    definer = next(base for base in type(callback).__mro__ if hook in vars(base))
    return definer in _QUIET or (definer in AVERAGING and type(callback) in AVERAGING)
