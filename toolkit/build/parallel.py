"""Refuses a model that spreads itself over devices: with the toolkit, processes do. Imports torch."""

from __future__ import annotations

from torch import nn

from toolkit.build.construct import BuildError
from toolkit.errors import Problem
from toolkit.recipe import Recipe


def refuse_data_parallel(task: nn.Module, recipe: Recipe) -> None:
    """Makes sure that neither a task nor a part of it is wrapped in torch's DataParallel.

    Raises:
        BuildError: one is, at the place of the model, or of the task where there is none.
    """
    wrapped = [name for name, module in task.named_modules() if isinstance(module, nn.DataParallel)]
    if wrapped:
        block = "model" if recipe.get("model") is not None else "task"
        message = (
            f"{wrapped[0] or 'it'} is wrapped in torch.nn.DataParallel, which the toolkit does not run. Give it "
            "unwrapped; `trainer: {devices: 2, strategy: ddp}` trains it in a process for each device"
        )
        raise BuildError(Problem(recipe.place(block, "use"), block, message))
