"""Finds how large a batch fits in memory, by training steps of growing batches. Imports Lightning.

Called in a process of its own (see `toolkit.runs.batch_size`): what it trains, draws and fills is gone with it.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from toolkit.build import build, samples_of
from toolkit.check import resolve
from toolkit.data import data_module
from toolkit.data.buckets import with_some
from toolkit.engine.memory import available_memory, out_of_memory, peak_memory
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import automatic_accelerator, make_trainer
from toolkit.errors import EXIT_DONE, RequestError, RunError, ToolkitError
from toolkit.recipe import Recipe, load
from toolkit.recipe.replaced import replaced
from toolkit.registry import Registry
from toolkit.runs.blame import reason_of
from toolkit.tracking.files import write_atomic

CALL = "toolkit.runs.fits:main"

CPU_PART = 0.75
"""How much of the memory that is free the processes on a CPU may take together: evaluations and others need some."""
DEVICE_PART = 0.9
"""How much of a GPU's memory a process may take."""
CPU_LARGEST = 1024
"""On a CPU no larger batch is tried: its cores have enough to do with far fewer samples."""
LARGEST = 65536
CPU_SECONDS = 8.0
"""After so long no further size is tried on a CPU: what a larger one takes is foretold from those that were."""
LEAST_STEPS = 8
"""So many steps an epoch keeps, however large a batch would fit."""
STEPS = 2
"""The second step holds the optimizer's state besides all that the first does."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the process that looks for the batch size."""

    recipe: str
    """As `toolkit.load` takes it."""
    overrides: list[str]
    allow_code: bool
    index: int
    """Which of the machine's devices is tried; of no meaning on a CPU."""
    processes: int
    """How many processes the run will have."""
    sharing: int
    """How many of them share the memory of this machine."""


def main(question: str, path: str) -> int:
    """Answers a `Question`, given as JSON, in the file ``path``: after each size that fits, and at the end.

    The answer holds ``size``, the largest that is known to fit, and ``reason``, why it is no larger; or ``error``.

    Returns:
        The exit code.
    """
    file = Path(path)
    try:
        _search(_Trial(Question(**json.loads(question))), file)
    except ToolkitError as error:
        _answer(file, code=error.exit_code, error=str(error))
        return error.exit_code
    return EXIT_DONE


def _search(trial: _Trial, file: Path) -> None:
    began, size, peaks = time.monotonic(), min(2, trial.largest), list[tuple[int, int]]()
    fitting = 0
    while size <= trial.largest and trial.fits(size):
        fitting = size
        _answer(file, size=fitting, reason=_MEMORY)
        peaks.append((size, peak_memory()))
        if trial.bytes and len(peaks) > 1:
            foretold = _foretold(peaks, trial)
            if foretold == size or time.monotonic() - began > CPU_SECONDS:
                fitting = foretold
                break
        size *= 2
    if fitting == 0 and size > 1 and trial.fits(1):
        fitting = 1
    reason = trial.bound if fitting * 2 > trial.largest else _MEMORY
    _answer(file, size=fitting, reason=reason)


_MEMORY = "the largest power of two that fits in memory"
_STEPS_OF_AN_EPOCH = f"the largest power of two with {LEAST_STEPS} steps in an epoch"


def _foretold(peaks: list[tuple[int, int]], trial: _Trial) -> int:
    """The largest size that is expected to fit: memory grows with the batch as between the last two sizes."""
    (before, low), (size, high) = peaks[-2:]
    each = (high - low) / (size - before)
    while size * 2 <= trial.largest and high + each * size <= trial.bytes:
        high += int(each * size)
        size *= 2
    return size


def _answer(file: Path, **content: Any) -> None:
    write_atomic(file, json.dumps({"code": EXIT_DONE, **content}).encode())


class _Enough(Exception):
    """The steps that were to be tried are done."""


class _Stop(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step >= STEPS:
            raise _Enough


class _Trial:
    """The recipe, built once, to train some steps with batches of any size.

    Attributes:
        largest: the largest power of two that is tried; every process gets a batch of it.
        bound: why it is no larger.
        bytes: the memory that this process may take on a CPU; 0 on other devices, which tell themselves.
    """

    def __init__(self, asked: Question) -> None:
        registry = Registry.scan()
        recipe = load(asked.recipe, asked.overrides, registry=registry, allow_code=asked.allow_code)
        recipe = replaced(recipe, ("loader", "batch_size"), 1, "auto")
        if recipe.get("model", "init_from"):
            # Other weights take as much memory.
            recipe = replaced(recipe, ("model", "init_from"), None, "auto")
        self._checked = resolve(recipe, registry)
        self._experiment = build(self._checked)
        trainer = self._checked.trainer
        accelerator = str(trainer.get("accelerator", "auto"))
        accelerator = automatic_accelerator() if accelerator == "auto" else accelerator
        on_cpu = accelerator == "cpu"
        self.bytes = int(CPU_PART * available_memory() / asked.sharing) if on_cpu else 0
        self.largest, self.bound = _bound(self._experiment.data, asked.processes, on_cpu)
        if accelerator in ("gpu", "cuda") and torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(DEVICE_PART, asked.index)
        self._device = {"accelerator": accelerator, "devices": 1 if on_cpu else [asked.index]}
        # What a run holds besides: gradients once more where processes exchange them, an average of the weights.
        self._copies = (asked.processes > 1) + (self._checked.engine.get("ema") is not None)

    def fits(self, size: int) -> bool:
        """Whether some steps with batches of ``size`` samples go through without too much memory.

        Raises:
            RunError: they fail for another reason; the message names the component.
        """
        went_through = self._goes_through(size)
        # After the exception is gone: its traceback holds what the step had taken.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return went_through and (not self.bytes or peak_memory() <= self.bytes)

    def _goes_through(self, size: int) -> bool:
        try:
            self._train(size)
        except Exception as error:
            if out_of_memory(error) is None:
                raise self._failed(error, size) from error
            return False
        return True

    def _train(self, size: int) -> None:
        experiment, trainer = self._experiment, self._checked.trainer
        task = experiment.task
        task.zero_grad(set_to_none=True)
        passed = ("precision", "gradient_clip_val", "gradient_clip_algorithm", "deterministic", "benchmark")
        lengths = ("max_epochs", "max_steps", "max_time", "limit_train_batches")
        options = {name: trainer[name] for name in (*passed, *lengths) if name in trainer}
        if options.get("precision") == "auto":
            del options["precision"]
        loader = {**self._checked.loader, "batch_size": size, "workers": 0}
        data = data_module(
            # What the largest batches of an epoch are made of.
            with_some(experiment.data, "train", slice(STEPS * size)),
            loader,
            experiment.transforms,
            experiment.recipe.get("seed", default=0),
        )
        reserve = _Reserve(self._copies)
        steps = make_trainer(
            {
                **options,
                **self._device,
                "limit_val_batches": 0,
                "num_sanity_val_steps": 0,
                "logger": False,
                "callbacks": [reserve, _Stop()],
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
            },
            experiment.recipe,
        )
        try:
            with quiet_lightning():
                steps.fit(task, datamodule=data)
        except _Enough:
            return
        finally:
            reserve.held.clear()

    def _failed(self, error: Exception, size: int) -> Exception:
        reason = reason_of(error, self._checked)
        if reason is None or isinstance(error, (RequestError, RunError)):
            return error
        return RunError(f"loader.batch_size: auto: a step with {size} samples failed: {reason}")


class _Reserve(pl.Callback):
    """Holds as much memory as copies of the weights take."""

    def __init__(self, copies: int) -> None:
        self._copies = copies
        self.held: list[torch.Tensor] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for _ in range(self._copies):
            self.held += [torch.zeros_like(each) for each in pl_module.parameters() if each.requires_grad]


def _bound(data: Any, processes: int, on_cpu: bool) -> tuple[int, str]:
    """The largest power of two to try, and why it is no larger."""
    train = getattr(data, "train", None)
    samples = None if train is None else samples_of(train)
    bounds: Mapping[int, str] = {
        LARGEST: "no larger one is tried",
        **({CPU_LARGEST: "no larger one is tried on a CPU"} if on_cpu else {}),
        **({} if samples is None else {max(1, samples // (processes * LEAST_STEPS)): _STEPS_OF_AN_EPOCH}),
    }
    least = min(bounds)
    return 1 << (least.bit_length() - 1), bounds[least]


def question_of(recipe: Recipe, *, index: int, processes: int, sharing: int) -> Question:
    """The question for a recipe that is loaded already."""
    name = f"{recipe.distribution}:{recipe.name}" if recipe.distribution else str(recipe.file)
    return Question(name, list(recipe.overrides), recipe.allow_code, index, processes, sharing)
