"""The block `trainer`: the arguments of Lightning's Trainer under their own names. Imports Lightning when called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.check.arguments import check_type, unknown_argument
from toolkit.check.report import Report
from toolkit.check.signature import signature_of
from toolkit.errors import did_you_mean
from toolkit.recipe.grammar import ENDS

ELSEWHERE: Mapping[str, str] = {
    "logger": "loggers are written under the top-level key `loggers`",
    "callbacks": "callbacks are written under the top-level key `callbacks`",
    "plugins": "recipes do not name Lightning plugins; `trainer.precision` and `trainer.strategy` choose them",
    "default_root_dir": "runs go to ./runs, or to the folder that the environment variable TOOLKIT_RUNS names",
    "enable_checkpointing": "checkpoints are always kept; `engine.keep` says how many",
}
"""Trainer's arguments that the core gives itself, and what to write instead."""

DEVICES = re.compile(r"auto|-?\d+|\s*\d+\s*(,\s*\d+\s*)*,?\s*")
"""The texts for `devices` that Lightning reads: "2", "-1", "0, 1"."""


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
        elif isinstance(value, str) and (message := _unusable(name, value)):
            report.at_value(path, message)
        elif (name, value) != ("precision", "auto"):
            check_type(value, parameters[name], path, report)
    # -1 is Lightning's word for "no limit".
    if all(values.get(name) in (None, -1) for name in ENDS):
        report.missing("trainer", "nothing ends the training: set one of max_epochs, max_steps, max_time")


def _unusable(argument: str, value: str) -> str | None:
    """What to say of a text that Lightning takes for nothing, on whatever machine; None of any other."""
    from pytorch_lightning.accelerators import AcceleratorRegistry
    from pytorch_lightning.strategies import StrategyRegistry

    if argument == "devices" and not DEVICES.fullmatch(value):
        return f"expected a number of devices, a list of their numbers or 'auto', got the text {value!r}"
    if argument == "accelerator":
        return _unknown(argument, value, ("auto", "gpu", *sorted(AcceleratorRegistry.available_accelerators())))
    if argument == "strategy":
        named = ("auto", *StrategyRegistry.available_strategies())
        usable = [name for name in named if not _other_processes(name)]
        return _other_processes(value) or _unknown(argument, value.lower(), usable)
    return None


def _unknown(argument: str, value: str, names: Sequence[str]) -> str | None:
    if value in names:
        return None
    return f"there is no {argument} {value!r}." + (did_you_mean(value, names) or f" There are {', '.join(names)}.")


def _other_processes(strategy: str) -> str | None:
    """What to say of a strategy that starts processes in a way of its own, or none."""
    if strategy in ("dp", "ddp2"):
        return f"DataParallel ({strategy!r}) is no more; write ddp, with trainer.devices for the number of processes"
    if re.search("spawn|fork|notebook", strategy):
        return f"{strategy!r} starts processes itself, and here the toolkit does that; write ddp"
    return None
