"""What ``auto`` in a recipe means on this machine: decided once, before a run begins. Imports Lightning."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from toolkit.build import Experiment
from toolkit.build.length import planned_length
from toolkit.data import DataModule, choose_workers
from toolkit.engine.precision import choose_precision
from toolkit.engine.step_graph import choose_compile
from toolkit.engine.trainer import automatic_accelerator, processes
from toolkit.recipe.replaced import replaced
from toolkit.runs.execute import make_data

AUTO = "auto"


def chosen(experiment: Experiment) -> Experiment:
    """The experiment with what was found in the place of each ``auto``; itself where there is none.

    The accelerator, the number of devices, the precision, the loader's workers, and whether whole steps are
    compiled. They stand in the recipe too, with how they were found, so that every process of the run, and every
    resume, takes the same. Random generators and weights are left as they were.

    Args:
        experiment: built, and not started.
    """
    trainer = experiment.checked.trainer
    if trainer.get("accelerator", AUTO) == AUTO:
        experiment = _with(experiment, "trainer", "accelerator", automatic_accelerator(), "auto, as found here")
    trainer = experiment.checked.trainer
    if trainer.get("devices") in (AUTO, -1, "-1"):
        experiment = _with(experiment, "trainer", "devices", processes(trainer), "auto, as found here")
    if experiment.checked.loader.get("workers") == AUTO:
        count = processes(experiment.checked.trainer)
        workers = choose_workers(experiment.data, experiment.checked.loader, processes=count)
        experiment = _with(experiment, "loader", "workers", workers.count, f"auto, {workers.reason}")
    if experiment.checked.trainer.get("precision") == AUTO:
        device = torch.device(str(experiment.checked.trainer["accelerator"]).replace("gpu", "cuda"))
        precision = choose_precision(experiment.task, _first_batch(experiment), device)
        experiment = _with(experiment, "trainer", "precision", precision.value, f"auto, {precision.reason}")
    if experiment.checked.engine.get("compile") == AUTO:
        train = getattr(experiment.data, "train", None)
        length = None if train is None else planned_length(experiment.checked, train)
        accelerator = str(experiment.checked.trainer["accelerator"])
        total = None if length is None else length.total_steps
        compiled = choose_compile(experiment.task, total, accelerator=accelerator)
        experiment = _with(experiment, "engine", "compile", compiled.value, f"auto, {compiled.reason}")
    return experiment


def _with(experiment: Experiment, block: str, name: str, value: Any, source: str) -> Experiment:
    checked = experiment.checked
    changes: dict[str, Any] = {
        "recipe": replaced(checked.recipe, (block, name), value, source),
        block: {**getattr(checked, block), name: value},
    }
    return dataclasses.replace(experiment, checked=dataclasses.replace(checked, **changes))


def _first_batch(experiment: Experiment) -> Any:
    """A batch of the train split as the task is given it; None where only a trainer can ask for one."""
    data = make_data(experiment)
    if not isinstance(data, DataModule):
        return None
    return data.transform(next(iter(data.train_dataloader())), training=True)
