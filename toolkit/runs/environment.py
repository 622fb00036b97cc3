"""Refuses what an environment variable would make of a run before anything of it is made. Imports Lightning."""

from __future__ import annotations

from toolkit.check import Checked
from toolkit.tracking.wandb_logger import WandbLogger
from toolkit.tracking.wandb_session import refuse_unknown_mode


def refuse_environment(checked: Checked) -> None:
    """Raises RequestError where a logger of a recipe would not begin because of a variable that is set."""
    if any(block.component.target is WandbLogger for block in checked.collections["loggers"].values()):
        refuse_unknown_mode()
