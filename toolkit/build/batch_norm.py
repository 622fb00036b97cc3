"""Refuses to synchronise a normalisation that is more than torch's: it would become less, in silence. Imports torch."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit.check import Checked
from toolkit.errors import Problem, RecipeError


def refuse_sync_batchnorm(task: nn.Module, checked: Checked) -> None:
    """Makes sure that ``trainer.sync_batchnorm`` replaces nothing but torch's own batch normalisation.

    torch's ``convert_sync_batchnorm`` puts a SyncBatchNorm in the place of everything that is derived from its batch
    normalisation, with what that computes beside it (a mask, an activation) left out.

    Raises:
        RecipeError: a part of the task is derived from it and computes something of its own.
    """
    if not checked.trainer.get("sync_batchnorm"):
        return
    for name, part in task.named_modules():
        derived = isinstance(part, _BatchNorm) and not isinstance(part, nn.SyncBatchNorm)
        if derived and type(part).forward is not _BatchNorm.forward:
            message = (
                f"torch would put its SyncBatchNorm in the place of {name}, a {type(part).__name__}, which computes "
                "more than batch normalisation does; remove this: each process then takes the statistics of its own "
                "samples"
            )
            place = checked.recipe.place("trainer", "sync_batchnorm")
            raise RecipeError([Problem(place, "trainer.sync_batchnorm", message)])
