"""What the checkpoint of a run makes of raw inputs: files, folders, standard input. Imports Lightning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from toolkit.build import Rebuilt
from toolkit.data.raw import AsGiven, RawInput, Read, Reader, raw_inputs, read_batches
from toolkit.data.settings import loader_settings
from toolkit.errors import RequestError
from toolkit.registry import Registry
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.trained import BEST, Trained, trained
from toolkit.tasks.predicting import Draws, Predicts
from toolkit.tasks.supervised import on_cpu
from toolkit.tracking.folder import RunFolder, find
from toolkit.tracking.plots import save_picture

Row = dict[str, Any]
"""What is predicted of one sample: ``input``, its name, and then what the task says."""


@dataclass
class Predicted:
    """What became of the inputs."""

    checkpoint: Path
    count: int = 0
    """Samples that were predicted."""
    rows: list[Row] = field(default_factory=list)
    """What was predicted of them, where nobody else took the rows."""
    failed: dict[str, str] = field(default_factory=dict)
    """The inputs that could not be read, and why."""
    pictures: int = 0


def predict(
    which: str | Path | RunFolder,
    inputs: Sequence[str | Path],
    on_row: Callable[[Row], None] | None = None,
    *,
    checkpoint: str = BEST,
    pictures: Path | None = None,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
) -> Predicted:
    """Predict with a run's best checkpoint (its last, where there is no best); its data need not be there.

    Inputs are read as the run's dataset says, go through the recipe's ``transforms.eval``, and are predicted on this
    machine's accelerator.

    Args:
        which: a run's folder, its id, or ``last``.
        inputs: files, folders, and ``-`` for standard input.
        on_row: called with each sample's row as soon as there is one, in the order of the inputs; when None, the rows
            are in what is returned.
        checkpoint: ``best``, ``last``, or the name of one in the run's folder.
        pictures: folder for a picture of each sample, where the task draws them; made if it is not there.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.

    Raises:
        RequestError: there is no such run, checkpoint or input, or the run's dataset or task knows no predictions.
        RunError: a component raised; the message names it.
    """
    refuse_launchers("toolkit predict")
    run = trained(find(which, root), checkpoint, registry=registry, allow_code=allow_code)
    reader = run.reader()
    found = raw_inputs([str(each) for each in inputs], reader.suffixes)
    return predict_inputs(run, run.rebuilt(), reader, found, on_row, pictures)


def predict_inputs(
    run: Trained,
    rebuilt: Rebuilt,
    reader: Reader,
    inputs: Sequence[RawInput],
    on_row: Callable[[Row], None] | None,
    pictures: Path | None,
) -> Predicted:
    """Predict inputs that are known to be there; other arguments and errors as of `predict`.

    Args:
        run: whose checkpoint predicts.
        rebuilt: its task, without the weights of the checkpoint yet.
        reader: of its dataset.
        inputs: what to predict.
        on_row: called with each sample's row.
        pictures: folder for pictures.
    """
    task, name = rebuilt.task, run.checked.blocks["task"].name
    if not isinstance(task, Predicts):
        raise RequestError(f"task: {name} has no methods `unlabelled` and `rows` to predict with")
    if pictures is not None and not isinstance(task, Draws):
        raise RequestError(f"--pictures: the task {name} draws no pictures of its predictions")
    run.load(task)
    predicted = Predicted(run.checkpoint)

    def failed(name: str, reason: str) -> None:
        predicted.failed[name] = reason

    batches: Iterable[Read] = read_batches(inputs, reader, loader_settings(run.checked.loader).size("test"), failed)
    writer = _Writer(predicted, on_row or predicted.rows.append, run.facts, pictures)
    run.predict(_Predictor(rebuilt, run.facts), batches, [writer])
    return predicted


class _Ready(NamedTuple):
    """A batch on the device, transformed."""

    names: list[str]
    samples: Any
    """The inputs before the transforms."""
    batch: Any
    as_given: list[AsGiven | None]


class _Done(NamedTuple):
    names: list[str]
    samples: Any
    rows: list[Row]
    as_given: list[AsGiven | None]


class _Predictor(pl.LightningModule):
    """The task, asked for rows and not for anything that needs targets."""

    def __init__(self, rebuilt: Rebuilt, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self.task: Any = rebuilt.task
        self._transforms = rebuilt.transforms
        self._facts = facts

    def on_after_batch_transfer(self, batch: Read, dataloader_idx: int) -> _Ready:
        transformed = self.task.unlabelled(batch.inputs)
        for transform in self._transforms:
            transformed = transform(transformed)
        return _Ready(batch.names, batch.inputs, transformed, batch.as_given)

    def predict_step(self, batch: _Ready, batch_idx: int) -> _Done:
        return _Done(batch.names, batch.samples, self.task.rows(batch.batch, self._facts), batch.as_given)


class _Writer(pl.Callback):
    """Hands over the rows of each batch, and draws them where that is wanted."""

    def __init__(
        self,
        predicted: Predicted,
        on_row: Callable[[Row], None],
        facts: Mapping[str, Any],
        pictures: Path | None,
    ) -> None:
        self._predicted, self._on_row, self._facts, self._pictures = predicted, on_row, facts, pictures

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        done: _Done = outputs
        samples = on_cpu(done.samples) if self._pictures is not None else None
        for number, (name, row, change) in enumerate(zip(done.names, done.rows, done.as_given, strict=True)):
            self._on_row({"input": name, **(change(row) if change else row)})
            self._predicted.count += 1
            if samples is not None:
                self._draw(name, pl_module.task.drawn(samples[number], row, self._facts))

    def _draw(self, name: str, picture: Tensor) -> None:
        assert self._pictures is not None
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._predicted.pictures += 1
        # Two folders may hold files of one name.
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).stem).strip("-.") or "input"
        save_picture(picture, self._pictures / f"{self._predicted.pictures:05d}-{stem}.png")
