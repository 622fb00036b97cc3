"""What tasks promise, trained as `toolkit run` would train them. Imports torch and Lightning."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from toolkit.build import Experiment
from toolkit.data import data_module
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import make_trainer
from toolkit.testing.building import experiment
from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.subject import SEED, Subject


def trains_one_step(subject: Subject) -> None:
    """One step of training with the case's recipe changes weights, its loss is finite, validation and test run, and
    what is logged is named `train/...`, `val/...` or `test/...`."""
    whole = experiment(subject)
    before = {name: each.detach().clone() for name, each in whole.task.named_parameters()}
    returned: list[Any] = []
    step = whole.task.training_step

    def watched(*args: Any, **kwargs: Any) -> Any:
        returned.append(step(*args, **kwargs))
        return returned[-1]

    # On the instance, and only here: it tells what the step has returned.
    whole.task.training_step = watched  # type: ignore[method-assign]
    logged = _fit(whole)
    if whole.task.automatic_optimization:
        if not returned or returned[0] is None:
            raise Broken("training_step returned None: Lightning then trains nothing, in silence. Return the loss")
        loss = returned[0].get("loss") if isinstance(returned[0], dict) else returned[0]
        if not isinstance(loss, Tensor) or loss.dim() != 0 or not torch.isfinite(loss):
            raise Broken(f"training_step returned {loss!r}, which is no finite number")
    if all(torch.equal(each, before[name]) for name, each in whole.task.named_parameters() if name in before):
        raise Broken("no weight has changed")
    odd = [name for name in logged if not re.match(r"(train|val|test)/", name)]
    if odd:
        raise Broken(f"it logs {', '.join(odd)}; a metric is named split/metric")


def no_loss_is_a_clear_error(subject: Subject) -> None:
    """Where the loss component returns nothing, training stops with an error that speaks of the loss, instead of going
    on without learning or failing somewhere inside."""
    if "loss" not in subject.case.recipe:
        raise DoesNotApply("the case's recipe has no `loss`: the task has its own")
    whole = experiment(subject, loss=lambda: lambda *outputs_and_targets: None)
    try:
        _fit(whole, test=False)
    except Exception as error:
        if re.search(r"\bloss\b", str(error)):
            return
        raise Broken(f"it raises {type(error).__name__}: {error}. Say that the loss returned nothing (None)") from error
    raise Broken("training goes on without a loss, and learns nothing")


CHECKS = (trains_one_step, no_loss_is_a_clear_error)


def _fit(whole: Experiment, *, test: bool = True) -> list[str]:
    """Train one step, validate and test on the CPU; returns the names of what was logged."""
    data = data_module(whole.data, {"batch_size": 4, "workers": 0, **whole.checked.loader}, whole.transforms, SEED)
    trainer = make_trainer(
        {
            "accelerator": "cpu",
            "devices": 1,
            "max_steps": 1,
            "limit_val_batches": 1,
            "limit_test_batches": 1,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": 1,
            "val_check_interval": 1,
            "check_val_every_n_epoch": None,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
    )
    names: list[str] = []
    with quiet_lightning():
        trainer.fit(whole.task, datamodule=data)
        names += trainer.callback_metrics
        if test and whole.has_test:
            trainer.test(whole.task, datamodule=data, verbose=False)
            names += trainer.callback_metrics
    return sorted(set(names))
