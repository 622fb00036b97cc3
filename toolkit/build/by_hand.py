"""Refuses what Lightning does for a task only where it takes the steps itself. Imports Lightning."""

from __future__ import annotations

from pytorch_lightning import LightningModule

from toolkit.check import Checked
from toolkit.errors import Problem, RecipeError

_IDLE = {"gradient_clip_val": (None, 0), "accumulate_grad_batches": (None, 1)}
"""Arguments of the Trainer for steps that Lightning takes, and the values by which they ask for nothing."""


def refuse_by_hand(task: LightningModule, checked: Checked) -> None:
    """Makes sure that a task that optimizes by hand is asked for nothing that Lightning would have to do.

    Lightning says so too, when the training begins and the run has a folder.

    Raises:
        RecipeError: it is; every argument at its place.
    """
    if task.automatic_optimization:
        return
    recipe, name = checked.recipe, checked.blocks["task"].name
    message = f"the task {name!r} takes its steps by hand, in which Lightning has no part; remove this"
    asked = [key for key, idle in _IDLE.items() if checked.trainer.get(key) not in idle]
    if asked:
        raise RecipeError([Problem(recipe.place("trainer", key), f"trainer.{key}", message) for key in asked])
