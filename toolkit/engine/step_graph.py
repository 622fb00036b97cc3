"""Which interior steps are taken several at a time in one compiled graph, what that costs and what it saves.

``engine.compile: step``. Whether a step is in a graph depends on its place in the run alone, never on time: a run that
was killed and goes on takes the same steps in graphs as one that was not. Two things cannot be seen from the place, for
which shapes the graph was compiled and whether it could be at all; they are in the checkpoint. Imports Lightning.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks as known
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from torch import Tensor
from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException
from torch.optim import Optimizer

from toolkit.engine.whole_steps import Clipping, NotRecorded, WholeSteps, why_not_compiled
from toolkit.recipe.grammar import STEP_GRAPH
from toolkit.tasks.supervised import SupervisedTask, Trained, unpacked

STEPS = 8
"""So many steps of a small network are one graph. Graphs of 1, 2, 4 and 8 steps of the 784-128-10 network take 0.79,
0.73, 0.69 and 0.69 of a tight loop by hand, and 18, 23, 24 and 31 s of a CPU to compile; the larger they are, the less
often the loop around them goes round."""
PARAMETERS = 128
"""A graph holds at most so many updates of parameter tensors, of all its steps together: compiling takes as long as it
is large, and the steps of a deep network leave less to save."""
WARM_UP, SKIPPED = 24, 8
"""The first batches of a run are taken one by one, and timed but for the very first."""
TIMED = 16
"""So many blocks are timed, from the third on: on a GPU the second is the one that is recorded."""
BREAK_EVEN = 100_000
"""From so many steps on ``auto`` takes a graph: compiling the 784-128-10 network takes 20 to 35 s, and a step in the
graph 0.2 to 0.3 ms less. Both grow with the number of operations, so that their quotient stays about the same."""
LARGEST = 1_000_000
"""The largest number of weights with which ``auto`` takes a graph: the arithmetic of a step does not get shorter."""

MEASURED = ("compile_seconds", "step_seconds", "step_seconds_in_graph", "break_even_steps")
"""What is measured at the first steps."""


class Place(NamedTuple):
    """What a graph is compiled for; another one's steps are taken one by one."""

    shapes: tuple[Any, ...]
    """Of a batch: shape, strides and type of each tensor in it."""
    settings: list[dict[str, Any]]
    """Of each parameter group: what its optimizer looks at beside the learning rate."""
    trained: list[bool]
    """Of each parameter: whether it is trained."""


class StepGraph:
    """The graph of a run.

    Args:
        trainer: of the run.
        told: called by `tell` when `describe` has changed.
        measured: what `describe` said in an earlier part of the run.
    """

    def __init__(self, trainer: pl.Trainer, told: Callable[[], None], measured: Mapping[str, Any]) -> None:
        self.trainer: Any = trainer
        self._told, self._news = told, False
        self.steps = STEPS
        self.why: str | None = None
        """Why no step of this epoch is in a graph."""
        self.off: str | None = None
        """Why no step of the run is from now on."""
        self.taken = 0
        """How many steps were taken in graphs."""
        self._place: Place | None = None
        self._place_text: str | None = None
        """The place for which a graph was compiled, in this process or before."""
        self._whole: WholeSteps | None = None
        self._rates: tuple[list[list[float]], Tensor] | None = None
        self._single: list[float] = []
        self._blocks: list[float] = []
        self._measured = {name: measured[name] for name in MEASURED if name in measured}
        self._trained: list[bool] = []

    def begin_epoch(self) -> None:
        """Looks whether the steps of this epoch can be in graphs."""
        task, trainer = self.trainer.lightning_module, self.trainer
        self.steps = steps_at_once(task)
        self.why = self.off or why_not(trainer, task)
        if self.why is None:
            self._trained = [each.requires_grad for each in task.parameters()]
            if self._whole is not None and not self._whole.holds(trainer.optimizers[0]):
                self._whole = None

    def due(self, left: int, before: int) -> bool:
        """Whether the next batch begins a block.

        Args:
            left: interior batches that are left until the next boundary. Blocks lie against it, because the place of a
                boundary is known beforehand, and where the interior began is not.
            before: batches of the run so far.
        """
        return self.why is None and left > 0 and left % self.steps == 0 and before >= WARM_UP

    def take(self, batches: Sequence[Any], first: int, schedulers: Sequence[Any]) -> bool:
        """Takes a block of steps in a graph, with the schedulers' steps between them.

        Args:
            batches: as many as a block has, on the device.
            first: the place of the first in the epoch.
            schedulers: Lightning's configurations of those that move with steps.

        Returns:
            Whether it did. If not, nothing has changed.
        """
        began = time.perf_counter()
        optimizer: Optimizer = self.trainer.optimizers[0]
        shapes = [_shapes(batch) for batch in batches]
        place = Place(shapes[0], _settings(optimizer), self._trained)
        if any(other != place.shapes for other in shapes) or not self._is_ours(place):
            return False
        before = [dict(group) for group in optimizer.param_groups]
        states = [config.scheduler.state_dict() for config in schedulers]
        rates = []
        for number in range(len(batches)):
            rates.append([float(group["lr"]) for group in optimizer.param_groups])
            for config in schedulers:
                if (first + number + 1) % config.frequency == 0:
                    config.scheduler.step()
        found = None
        if not schedulers or _settings(optimizer) == place.settings:
            found = self._compute(place, batches, self._as_tensor(rates), optimizer)
        else:
            self._give_up("the scheduler changes more than the learning rate (cycle_momentum: false leaves it at that)")
        if found is None:
            for group, values in zip(optimizer.param_groups, before, strict=True):
                group.update(values)
            for config, state in zip(schedulers, states, strict=True):
                config.scheduler.load_state_dict(state)
            return False
        task = self.trainer.lightning_module
        for number, parts in enumerate(zip(found.losses, found.outputs, found.targets, strict=True)):
            loss, outputs, targets = parts
            task.keep(Trained(loss, len(unpacked(batches[number])[1]), outputs, targets), first + number)
        self.taken += len(batches)
        self._time(began, len(batches))
        return True

    def time_single(self, began: float) -> None:
        """Notes how long a step outside a graph took, while there is something to compare with it."""
        if len(self._single) < WARM_UP and self._whole is None:
            self._single.append(self._since(began))

    def tell(self) -> None:
        """Says what is new, between two batches."""
        if self._news:
            self._news = False
            self._told()

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on must know to take the same steps in graphs."""
        return {"place": self._place_text, "off": self.off, "taken": self.taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._place_text, self.off, self.taken = state["place"], state["off"], state["taken"]

    def describe(self, task: pl.LightningModule, stock: str | None) -> dict[str, Any]:
        """What ``run.json`` says: whether graphs are taken and why not, and the seconds they take and save.

        Args:
            task: which is trained, or will be.
            stock: why every step is Lightning's own, if it is.
        """
        why = stock or self.off or self.why or why_not(self.trainer, task)
        return {"steps": steps_at_once(task), "taken": self.taken, "why": why or "", **self._measured}

    def _is_ours(self, place: Place) -> bool:
        """Whether this is the place of the graph, which the first block decides."""
        if self._place is not None:
            return self._place == place
        text = repr(place)
        if self._place_text is None:
            self._place_text = text
        if self._place_text == text:
            self._place = place
        return self._place is not None

    def _compute(self, place: Place, batches: Sequence[Any], rates: Tensor, optimizer: Optimizer) -> Any:
        try:
            if self._whole is None:
                self._whole = self._made(optimizer)
            return self._whole(batches, rates)
        except NotRecorded as error:
            self._give_up(str(error))
        except (TorchDynamoException, FailOnRecompileLimitHit) as error:
            # Raised while compiling, before anything is computed.
            self._give_up(_reason(error))
        return None

    def _made(self, optimizer: Optimizer) -> WholeSteps:
        trainer, task = self.trainer, self.trainer.lightning_module
        precision = trainer.precision_plugin
        clipping = None
        if trainer.gradient_clip_val:
            # An enum, equal to its text and printed as something else.
            by_value = trainer.gradient_clip_algorithm == "value"
            clipping = Clipping(float(trainer.gradient_clip_val), "value" if by_value else "norm")
        mixed = isinstance(precision, MixedPrecision)
        return WholeSteps(
            task.computed, optimizer, clipping, precision.autocast_context_manager if mixed else nullcontext
        )

    def _as_tensor(self, rates: list[list[float]]) -> Tensor:
        if self._rates is None or self._rates[0] != rates:
            self._rates = rates, torch.tensor(rates, device=self.trainer.strategy.root_device)
        return self._rates[1]

    def _give_up(self, why: str) -> None:
        self.off = self.why = why
        self._whole = None
        self._news = True

    def _time(self, began: float, steps: int) -> None:
        if len(self._blocks) >= 2 + TIMED:
            return
        self._blocks.append(self._since(began))
        if len(self._blocks) < 2 + TIMED:
            return
        found = self._measured
        found["compile_seconds"] = self._blocks[0]
        found["step_seconds_in_graph"] = statistics.median(self._blocks[2:]) / steps
        if len(self._single) > SKIPPED:
            found["step_seconds"] = statistics.median(self._single[SKIPPED:])
        saved = found.get("step_seconds", 0.0) - found["step_seconds_in_graph"]
        found.pop("break_even_steps", None)
        if saved > 0:
            found["break_even_steps"] = math.ceil(found["compile_seconds"] / saved)
        self._news = True

    def _since(self, began: float) -> float:
        if self.trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began


def steps_at_once(task: pl.LightningModule) -> int:
    """How many steps of a task are one graph."""
    trained = sum(each.requires_grad for each in task.parameters())
    return min(STEPS, max(1, PARAMETERS // max(1, trained)))


def why_not(trainer: Any, task: pl.LightningModule) -> str | None:
    """Why no step of this training can be in a graph; None where they can.

    It can be asked before the training has begun, when the optimizer is not there yet.
    """
    precision = trainer.precision_plugin
    if not isinstance(task, SupervisedTask) or type(task).training_step is not SupervisedTask.training_step:
        return "the task has a training_step of its own, which may do more than compute a loss"
    if trainer.world_size > 1:
        return "several processes tell each other their gradients in every step"
    if trainer.accumulate_grad_batches != 1:
        return "gradients are accumulated over several batches"
    if type(precision) is not Precision and getattr(precision, "precision", "") != "bf16-mixed":
        return f"the precision is {trainer.precision}; in a graph it is 32-true or bf16-mixed"
    if trainer._detect_anomaly:
        return "trainer.detect_anomaly looks at every operation"
    if any(isinstance(callback, known.WeightAveraging) for callback in vars(trainer)["callbacks"]):
        return "averaged weights want to see every step"
    if trainer.strategy.root_device.type not in ("cpu", "cuda"):
        return f"graphs were not tried on {trainer.strategy.root_device.type}"
    for optimizer in trainer.optimizers:
        if getattr(torch.optim, type(optimizer).__name__, None) is not type(optimizer):
            return f"the optimizer {type(optimizer).__name__} is not one of torch's"
        if any(isinstance(group["lr"], Tensor) for group in optimizer.param_groups):
            return "the learning rate is a tensor"
        if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
            return "the optimizer has hooks"
    stretch, steps = _longest_stretch(trainer), steps_at_once(task)
    if stretch < steps:
        return f"at most {stretch:.0f} steps lie between two that are logged, validated or saved; a graph has {steps}"
    return why_not_compiled(trainer.strategy.root_device.type)


def _longest_stretch(trainer: Any) -> float:
    """How many steps at most lie between two boundaries, as far as it is known by now."""
    every = (
        trainer.log_every_n_steps,
        trainer.fit_loop.epoch_loop.save_every_n_steps,
        getattr(trainer, "val_check_batch", None),
        trainer.num_training_batches - 1,
    )
    return float(min(number for number in every if number) - 1)


class Chosen(NamedTuple):
    """What ``engine.compile: auto`` means for a run, and on what grounds."""

    value: bool | str
    reason: str


def choose_compile(task: pl.LightningModule, total_steps: int | None, *, accelerator: str) -> Chosen:
    """Decides from counts alone, so that two runs of a recipe decide alike.

    Args:
        task: of the run, built.
        total_steps: optimizer steps of the run; None where only the trainer can tell.
        accelerator: on which it trains.
    """
    weights = [each.numel() for each in task.parameters() if each.requires_grad]
    if not isinstance(task, SupervisedTask) or type(task).training_step is not SupervisedTask.training_step:
        return Chosen(False, "a task with a training_step of its own")
    if accelerator != "cpu":
        return Chosen(False, f"what a graph of whole steps saves was not measured on {accelerator}")
    if total_steps is None or total_steps < BREAK_EVEN:
        length = "a length not known" if total_steps is None else f"{total_steps:,} steps"
        return Chosen(False, f"a graph of whole steps pays after about {BREAK_EVEN:,} steps; this run has {length}")
    if len(weights) * STEPS > PARAMETERS or sum(weights) > LARGEST:
        return Chosen(False, "a graph of whole steps is for small networks")
    cannot = why_not_compiled(accelerator)
    if cannot is not None:
        return Chosen(False, cannot)
    return Chosen(STEP_GRAPH, f"{total_steps:,} steps of a small network; a graph pays after about {BREAK_EVEN:,}")


def _shapes(value: Any) -> tuple[Any, ...]:
    """What a compiled graph depends on in a batch."""
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.stride(), value.dtype)
    if isinstance(value, dict):
        return tuple((key, _shapes(part)) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(_shapes(part) for part in value))
    return (type(value).__name__, repr(value))


def _settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]


def _reason(error: BaseException) -> str:
    """The line of a compiler's error that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it could not be compiled ({lines[0] if lines else type(error).__name__})"
