"""The model of a run for programs that have neither the toolkit nor its plugins. Imports Lightning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities.model_helpers import is_overridden

from toolkit.build import Experiment, build, has_split, samples_of
from toolkit.build.batches import loaders_in
from toolkit.data import DataModule
from toolkit.data.buckets import with_some
from toolkit.errors import RequestError, RunError, shown_path
from toolkit.registry import Registry
from toolkit.runs.blame import reason_of
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.program import Traced, WithTransforms, traced
from toolkit.runs.trained import BEST, Trained, trained
from toolkit.tasks.supervised import unpacked
from toolkit.tasks.tensors import mapped, tensors_in
from toolkit.tracking.exported import export_folder
from toolkit.tracking.folder import RunFolder, find
from toolkit.tracking.provenance import packages

PROGRAM, DESCRIPTION = "model.pt2", "export.json"
SPLITS = ("val", "test", "train")
"""The first that there is gives the batches."""
SAMPLES = (4, 7)
"""In the batch that is traced, and in the one that the program is tried on: a number that it fixes shows."""
LEAST = 2
"""Samples in either: one is a number of its own to torch."""
TOLERANCE = 1e-4
"""What outputs may differ by: torch takes some operations apart when it traces them."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    """By name; the program is the first, its description the second."""
    checkpoint: Path
    inputs: Any
    """Type and shape of what goes in, as `toolkit.runs.program.Traced` has it."""
    outputs: Any
    difference: float
    """Between outputs of the program and of the model, at most, on a batch that it was not traced with."""


def export(
    which: str | Path | RunFolder,
    output: str | Path | None = None,
    *,
    checkpoint: str = BEST,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
) -> Exported:
    """Write a run's model as a program of `torch.export`, which plain torch loads and runs.

    What goes in are inputs as the run's dataset gives them: the recipe's ``transforms.eval`` are a part of the program.
    What comes out is the model's, not what a task makes of it for `predict`. It computes on the CPU, in float32. Beside
    it lie the files that the run keeps of its dataset, such as a tokenizer, and a description: shapes and facts.

    Args:
        which: a run's folder, its id, or ``last``.
        output: a folder that is not there yet; ``export`` in the run's folder when left out.
        checkpoint: ``best``, ``last``, or the name of one in the run's folder.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.

    Raises:
        RequestError: there is no such run or checkpoint, the folder exists, the data is not there, or batches are no
            pairs of inputs and targets.
        RunError: the model cannot be traced, or the program is not the same.
    """
    refuse_launchers("toolkit export")
    folder = find(which, root)
    target = export_folder(folder, output)
    registry = registry or Registry.scan()
    run = trained(folder, checkpoint, registry=registry, allow_code=allow_code)
    experiment = build(run.checked, untrained=True, kept=run.run_files)
    run.load(experiment.task)
    recipe = run.checked.recipe.name
    try:
        model = WithTransforms(experiment.task, experiment.transforms["eval"]).eval()
        made = traced(model, *_inputs(experiment))
        if not made.difference <= TOLERANCE:
            raise RunError(
                f"the program's outputs differ from the model's by {made.difference:.3g}; they have to be the same for "
                "the same inputs, without random numbers"
            )
        description = {
            "recipe": recipe,
            "run": folder.id,
            "checkpoint": run.checkpoint.name,
            "inputs": made.inputs,
            "outputs": made.outputs,
            "difference": made.difference,
            "facts": run.facts,
            "packages": packages(registry),
        }
        files = _written(target, run, made, description)
    except Exception as error:
        reason = reason_of(error, run.checked)
        if reason is None:
            raise
        failed = RequestError if isinstance(error, RequestError) else RunError
        raise failed(f"{recipe} cannot be exported: {reason}") from error
    return Exported(target, files, run.checkpoint, made.inputs, made.outputs, made.difference)


def _inputs(experiment: Experiment) -> tuple[Any, Any]:
    """Inputs of two batches as the dataset gives them, on the CPU: to trace with, and to try the program on.

    They are not of the same number of samples and, where samples have lengths, not of the same length.
    """
    name = next(name for name in SPLITS if has_split(experiment.data, name))
    batches = _own_batches if isinstance(experiment.data, LightningDataModule) else _batches
    inputs, others = batches(experiment, name)
    if min(len(next(tensors_in(batch), ())) for batch in (inputs, others)) < LEAST:
        raise RequestError(
            f"dataset: a batch of {name} needs {LEAST + 1} samples: some trace the model, and all of them show "
            "that the program takes another number"
        )
    return inputs, others


def _batches(experiment: Experiment, name: str) -> tuple[Any, Any]:
    data = experiment.data
    samples = samples_of(getattr(data, name))
    count = sum(SAMPLES) if samples is None else samples
    few, many = min(SAMPLES[0], count - 1), min(SAMPLES[1], count)
    kept = {key: value for key, value in experiment.checked.loader.items() if key == "on_bad_sample"}

    def first(size: int, chosen: slice) -> Any:
        loader = {"batch_size": max(1, size), "workers": 0, **kept}
        module = DataModule(with_some(data, name, chosen), loader)
        return _inputs_of(next(iter(getattr(module, f"{name}_dataloader")())))

    # Of samples with lengths the longest, and some in the middle: the shortest may be all of one length.
    return first(few, slice(few)), first(many, slice(min(count // 2, count - many), None))


def _own_batches(experiment: Experiment, name: str) -> tuple[Any, Any]:
    data = experiment.data
    for hook in ("on_before_batch_transfer", "on_after_batch_transfer"):
        if is_overridden(hook, data):
            raise RequestError(
                f"dataset: {type(data).__name__} changes batches in `{hook}`, which is no part of the program; let a "
                "transform in transforms.eval do it"
            )
    loader = next(loaders_in(getattr(data, f"{name}_dataloader")()), ())
    inputs = _inputs_of(next(iter(loader), None))
    return mapped(inputs, lambda tensor: tensor[:-1]), inputs


def _inputs_of(batch: Any) -> Any:
    try:
        return unpacked(batch)[0]
    except ValueError as error:
        raise RequestError(str(error)) from error


def _written(target: Path, run: Trained, made: Traced, description: dict[str, Any]) -> tuple[str, ...]:
    """Writes the folder, all of it or nothing, and names its files."""
    files = {DESCRIPTION: json.dumps(description, indent=2).encode(), **run.run_files}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as part:
            whole = Path(part) / target.name
            whole.mkdir()
            for name, content in files.items():
                (whole / name).write_bytes(content)
            torch.export.save(made.program, whole / PROGRAM)
            whole.rename(target)
    except OSError as error:
        raise RequestError(f"{shown_path(target)} could not be written: {error.strerror or error}") from error
    return (PROGRAM, *files)
