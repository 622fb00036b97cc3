"""The block `trainer`: the arguments of Lightning's Trainer under their own names. Imports Lightning when called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from toolkit.check.arguments import check_type, unknown_argument
from toolkit.check.report import Report
from toolkit.check.signature import signature_of
from toolkit.recipe.grammar import ENDS

ELSEWHERE: Mapping[str, str] = {
    "logger": "loggers are written under the top-level key `loggers`",
    "callbacks": "callbacks are written under the top-level key `callbacks`",
    "plugins": "recipes do not name Lightning plugins; `trainer.precision` and `trainer.strategy` choose them",
    "default_root_dir": "runs go to ./runs, or to the folder that the environment variable TOOLKIT_RUNS names",
    "enable_checkpointing": "checkpoints are always kept; `engine.keep` says how many",
}
"""Trainer's arguments that the core gives itself, and what to write instead."""


def check_trainer(values: Mapping[str, Any], report: Report) -> None:
    """Report unknown arguments, values of a wrong type, and a run that would never end."""
    from pytorch_lightning import Trainer

    parameters = signature_of(Trainer).parameters
    offered = [name for name in parameters if name not in ELSEWHERE]
    for name, value in values.items():
        path = ("trainer", name)
        if name in ELSEWHERE:
            report.at_key(path, ELSEWHERE[name])
        elif name not in parameters:
            report.at_key(path, unknown_argument("Trainer", name, offered))
        elif name == "strategy" and isinstance(value, str) and (message := _other_processes(value)):
            report.at_value(path, message)
        elif (name, value) != ("precision", "auto"):
            check_type(value, parameters[name], path, report)
    # -1 is Lightning's word for "no limit".
    if all(values.get(name) in (None, -1) for name in ENDS):
        report.missing("trainer", "nothing ends the training: set one of max_epochs, max_steps, max_time")


def _other_processes(strategy: str) -> str | None:
    """What to say of a strategy that starts processes in a way of its own, or none."""
    if strategy in ("dp", "ddp2"):
        return f"DataParallel ({strategy!r}) is no more; write ddp, with trainer.devices for the number of processes"
    if re.search("spawn|fork|notebook", strategy):
        return f"{strategy!r} starts processes itself, and here the toolkit does that; write ddp"
    return None
