"""The model of a run for programs that have neither the toolkit nor its plugins. Imports Lightning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pytorch_lightning import LightningDataModule

from toolkit.build import Experiment, build, has_split
from toolkit.build.batches import loaders_in
from toolkit.data import DataModule
from toolkit.errors import RequestError, RunError, shown_path
from toolkit.registry import Registry
from toolkit.runs.blame import reason_of
from toolkit.runs.program import Traced, WithTransforms, traced
from toolkit.runs.trained import BEST, Trained, trained
from toolkit.tasks.supervised import unpacked
from toolkit.tracking.exported import export_folder
from toolkit.tracking.folder import RunFolder, find
from toolkit.tracking.provenance import packages

PROGRAM, DESCRIPTION = "model.pt2", "export.json"
SPLITS = ("val", "test", "train")
"""The first that there is gives the batches."""
SAMPLES = (4, 7)
"""In the batch that is traced, and in the one that the program is tried on: a number that it fixes shows."""
TOLERANCE = 1e-4
"""What outputs may differ by: kernels of other sizes add up in another order."""


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
    except Exception as error:
        reason = reason_of(error, run.checked)
        if reason is None or isinstance(error, RequestError):
            raise
        raise RunError(f"{recipe} cannot be exported: {reason}") from error
    if not made.difference <= TOLERANCE:
        raise RunError(
            f"{recipe} cannot be exported: what the program gives differs from the model's by {made.difference:.3g}"
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
    return Exported(target, files, run.checkpoint, made.inputs, made.outputs, made.difference)


def _inputs(experiment: Experiment) -> tuple[Any, Any]:
    """The inputs of two batches as the dataset gives them, on the CPU."""
    batches = list(_batches(experiment))
    try:
        return unpacked(batches[0])[0], unpacked(batches[-1])[0]
    except ValueError as error:
        raise RequestError(f"{experiment.recipe.name} cannot be exported: {error}") from error


def _batches(experiment: Experiment) -> Iterator[Any]:
    data = experiment.data
    loader = f"{next(name for name in SPLITS if has_split(data, name))}_dataloader"
    if isinstance(data, LightningDataModule):
        # It makes batches of its own sizes.
        yield from islice(next(loaders_in(getattr(data, loader)())), len(SAMPLES))
        return
    kept = {name: value for name, value in experiment.checked.loader.items() if name == "on_bad_sample"}
    for samples in SAMPLES:
        module = DataModule(data, {"batch_size": samples, "workers": 0, **kept})
        yield next(iter(getattr(module, loader)()))


def _written(target: Path, run: Trained, made: Traced, description: dict[str, Any]) -> tuple[str, ...]:
    """Writes the folder, all of it or nothing, and names its files."""
    files = {DESCRIPTION: json.dumps(description, indent=2).encode(), **run.run_files}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as part:
            whole = Path(part) / target.name
            whole.mkdir()
            torch.export.save(made.program, whole / PROGRAM)
            for name, content in files.items():
                (whole / name).write_bytes(content)
            whole.rename(target)
    except OSError as error:
        raise RequestError(f"{shown_path(target)} could not be written: {error.strerror or error}") from error
    return (PROGRAM, *files)
