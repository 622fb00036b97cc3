"""Applies what a recipe's ``engine`` block asks of the model: ``compile`` and ``channels_last``. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from toolkit.build.experiment import Experiment
from toolkit.recipe.grammar import STEP_GRAPH


def apply_engine(experiment: Experiment) -> None:
    """Prepare the model of an experiment for its run, in place; weights and their names stay as they are.

    ``engine.channels_last`` lays out 4-d weights for convolutions on GPUs and on CPUs in bf16. ``engine.compile`` is
    true, or the name of a mode of ``torch.compile``; compiling happens at the first batch. Where it is ``step``, the
    training loop compiles whole steps, and the model stays as it is.
    """
    engine = experiment.checked.engine
    model: nn.Module = experiment.task if experiment.model is None else experiment.model
    if engine.get("channels_last"):
        # torch types Module.to(memory_format=...) for 4-d tensors only in its overloads of 2.7 and later.
        to: Any = model.to
        to(memory_format=torch.channels_last)
    wanted = engine.get("compile")
    if wanted and wanted != STEP_GRAPH:
        model.compile(mode=wanted if isinstance(wanted, str) else None)
