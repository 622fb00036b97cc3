"""Builds the callbacks and loggers of a recipe, once a run has a folder to give them. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback
from pytorch_lightning.loggers import Logger

from toolkit.build.construct import construct
from toolkit.build.experiment import Experiment
from toolkit.build.monitor import direction


def build_callbacks(experiment: Experiment, given: Mapping[str, Any]) -> dict[str, Callback]:
    """The recipe's callbacks by label.

    A callback with a parameter ``monitor`` that the recipe leaves out watches what the run watches, and one with a
    parameter ``mode`` that the recipe leaves out gets the direction of what it watches.

    Args:
        experiment: what will be trained.
        given: by parameter name, such as ``dirpath``; passed to those that have it.

    Raises:
        BuildError: a callback could not be constructed.
    """
    built = {}
    for label, block in experiment.checked.collections.get("callbacks", {}).items():
        offered = dict(given)
        if experiment.monitor is not None:
            offered["monitor"] = experiment.monitor.name
        watched = block.arguments.get("monitor", offered.get("monitor"))
        mode = direction(watched, experiment.metrics) if isinstance(watched, str) else None
        if mode is not None and "monitor" in block.signature.parameters:
            offered["mode"] = mode
        built[label] = construct(block, offered, {}, recipe=experiment.recipe)
    return built


def build_loggers(experiment: Experiment, given: Mapping[str, Any]) -> dict[str, Logger]:
    """The recipe's loggers by label.

    Args:
        experiment: what will be trained.
        given: by parameter name: ``save_dir``, ``name``, ``version``, ``id``; passed to those that have it.

    Raises:
        BuildError: a logger could not be constructed.
    """
    blocks = experiment.checked.collections.get("loggers", {})
    return {label: construct(block, given, {}, recipe=experiment.recipe) for label, block in blocks.items()}
