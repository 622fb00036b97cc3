"""Runs a recipe the public way and says how long an epoch took; the core's loaders by themselves.

Imports the toolkit, which imports Lightning when it is first used.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

import toolkit
from benchmarks.problem import BATCH
from toolkit import data

RECIPE: dict[str, Any] = {
    "task": "classification",
    "dataset": {"use": "benchmarks.problem:Pictures"},
    "loader": {"batch_size": BATCH},
    "model": {"use": "benchmarks.problem:net"},
    "loss": "cross_entropy",
    "optimizer": {"use": "sgd", "lr": 0.01, "momentum": 0.9},
    "metrics": {"accuracy": {}},
    "trainer": {"max_epochs": 2, "accelerator": "cpu"},
}
"""Nothing is set that a recipe need not set, but the accelerator: tables of CPUs are made on machines with GPUs too."""

USER_TASK: dict[str, Any] = {"task": {"use": "benchmarks.with_lightning:UserTask"}, "metrics": None}
"""With a task of the user's own in place of the toolkit's."""


def seconds_of_epoch(changes: Mapping[str, Any], *overrides: str) -> float:
    """Seconds of the second epoch of two; see `benchmarks.with_lightning.Clock`.

    Args:
        changes: blocks of the recipe that differ; None leaves one out.
        overrides: as on the command line.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "seconds.json"
        values = {**RECIPE, **changes, "callbacks": {"clock": {"use": "benchmarks.with_lightning:Clock"}}}
        file = Path(folder) / "recipe.yaml"
        file.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
        # A recipe's own paths lead nowhere outside the run's folder; those on the command line may.
        recipe = toolkit.load(str(file), [*overrides, f"callbacks.clock.file={clock}"], allow_code=True)
        toolkit.run(recipe, root=Path(folder) / "runs")
        return float(json.loads(clock.read_text()))


def training_batches(train: Any, *transforms: Callable[[Any], Any]) -> Iterator[Any]:
    """The batches of a training split as the core's DataModule makes them, after its transforms."""
    module: Any = data.data_module(data.Splits(train=train), {"batch_size": BATCH}, {"train": transforms})
    for batch in module.train_dataloader():
        yield module.transform(batch, training=True)


def defaults(samples: int, folder: Path) -> float:
    """Seconds of a step with what a recipe sets by default."""
    return _seconds_of_step(samples)


def logging(samples: int, folder: Path) -> float:
    """The same for a user's task that logs in every step."""
    return _seconds_of_step(samples, USER_TASK)


def graph(samples: int, folder: Path) -> float:
    """The same for the defaults with several steps in one compiled graph; compiling is in the epoch before."""
    return _seconds_of_step(samples, None, "engine.compile=step")


def every_row(samples: int, folder: Path) -> float:
    """The same for the defaults with a CSV row for every step."""
    return _seconds_of_step(samples, None, "trainer.log_every_n_steps=1")


def clipping(samples: int, folder: Path) -> float:
    """The same for the defaults with the gradient clipped and the learning rate scheduled in every step."""
    scheduler = {"use": "one_cycle", "interval": "step", "max_lr": 0.01}
    return _seconds_of_step(samples, {"scheduler": scheduler}, "trainer.gradient_clip_val=1.0")


def _seconds_of_step(samples: int, changes: Mapping[str, Any] | None = None, *overrides: str) -> float:
    return seconds_of_epoch(changes or {}, f"dataset.samples={samples}", *overrides) / -(-samples // BATCH)
