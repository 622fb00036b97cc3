"""Makes the learning-rate scheduler of a recipe once the trainer knows how long the run is.

Imports torch and Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from toolkit.build.construct import construct, problem_at
from toolkit.build.length import RunLength, run_length
from toolkit.build.monitor import Monitor, direction
from toolkit.check import Block
from toolkit.recipe import Recipe
from toolkit.recipe.grammar import RUN_FACTS

SchedulerFactory = Callable[[Optimizer, Trainer], dict[str, Any]]

_LENGTHS = ("T_max", "total_iters")
"""Parameters of torch's schedulers that mean the length of the run when the recipe leaves them out."""


def scheduler_factory(
    block: Block, recipe: Recipe, monitor: Monitor | None, metrics: Mapping[str, Any]
) -> SchedulerFactory:
    """The function that a task calls with its optimizer and its trainer to get Lightning's scheduler configuration.

    The scheduler moves every ``frequency`` (1) steps or epochs; ``interval`` is by default ``step`` for a scheduler
    with a parameter for the run's steps, and else ``epoch``. ``reduce_on_plateau`` watches ``monitor`` of the recipe,
    or what the run watches, and gets its ``mode`` from it.

    Args:
        block: the recipe's ``scheduler``.
        recipe: for the places of messages.
        monitor: what the run watches.
        metrics: the built metrics by label, which know whether more is better.

    Returns:
        A function; it raises BuildError for what the scheduler refuses, and when the scheduler needs to know the
        length of a run that has none. A plain function, because Lightning's weight averaging copies the task.
    """

    def scheduler(optimizer: Optimizer, trainer: Trainer) -> dict[str, Any]:
        return configured(block, recipe, monitor, metrics, optimizer, lambda: run_length(trainer))

    return scheduler


def configured(
    block: Block,
    recipe: Recipe,
    monitor: Monitor | None,
    metrics: Mapping[str, Any],
    optimizer: Optimizer,
    length: Callable[[], RunLength],
) -> dict[str, Any]:
    """Lightning's configuration of the scheduler over ``optimizer``; ``length`` is asked only where it is needed."""
    interval = block.words.get("interval") or _default_interval(block)
    frequency = block.words.get("frequency") or 1
    config: dict[str, Any] = {"interval": interval, "frequency": frequency if interval == "epoch" else 1}
    given: dict[str, Any] = {"optimizer": optimizer}

    wanted = _wanted(block)
    if wanted:
        facts = length().facts(interval, frequency)
        for parameter, fact in wanted.items():
            if facts[fact] is None:
                raise problem_at(block, recipe, _unknown_length(parameter))
            given[parameter] = facts[fact]

    target = block.component.target
    if isinstance(target, type) and issubclass(target, ReduceLROnPlateau):
        name = block.words.get("monitor") or (monitor.name if monitor else None)
        if name is None:
            message = "needs to know what to watch, and without a val split there is no default: set scheduler.monitor"
            raise problem_at(block, recipe, message)
        config["monitor"] = name
        mode = direction(name, metrics)
        if mode is not None:
            given["mode"] = mode
    scheduler = construct(block, given, {}, recipe=recipe)
    if interval == "step" and frequency > 1:
        _move_every(scheduler, frequency)
    return {**config, "scheduler": scheduler}


def _move_every(scheduler: Any, frequency: int) -> None:
    """Let only every ``frequency``-th call of ``scheduler.step`` through.

    Lightning's own ``frequency`` counts batches, from the start of each epoch, whatever is accumulated: a scheduler of
    frequency 100 never moves where an epoch has 99 batches (Lightning 2.6). The two numbers are part of the scheduler's
    state, and so of checkpoints. A new class, and not a function in place of ``step``, which would be in there too.
    """
    kind: type[Any] = type(scheduler)

    def step(self: Any, *args: Any) -> None:
        self.calls += 1
        if self.calls % self.frequency == 0:
            kind.step(self, *args)

    scheduler.calls, scheduler.frequency = 0, frequency
    scheduler.__class__ = type(kind.__name__, (kind,), {"step": step})


def needs_length(block: Block) -> bool:
    """Whether the scheduler is filled with anything that depends on the length of the run."""
    return bool(_wanted(block))


def _wanted(block: Block) -> dict[str, str]:
    """The parameters that the run fills, and with which fact."""
    parameters, arguments = block.signature.parameters, block.arguments
    wanted = {name: name for name in RUN_FACTS if name in parameters}
    wanted.update({name: "total_steps" for name in _LENGTHS if name in parameters})
    # What the recipe says of the run's length, in whichever of the three ways, is not to be outvoted by the others:
    # OneCycleLR forgets epochs and steps_per_epoch once it has total_steps.
    said = [name for name in RUN_FACTS if name in arguments]
    outvoting = {"epochs", "steps_per_epoch"} if "total_steps" in said else {"total_steps"} if said else set()
    return {
        name: fact
        for name, fact in wanted.items()
        if name not in arguments and (name not in outvoting or parameters[name].required)
    }


def _default_interval(block: Block) -> str:
    counts_steps = any(name in block.signature.parameters for name in ("total_steps", "steps_per_epoch"))
    return "step" if counts_steps else "epoch"


def _unknown_length(parameter: str) -> str:
    return (
        f"needs {parameter}, the length of the run, which is unknown: the data does not say how long it is, or only "
        f"trainer.max_time ends the run. Set trainer.max_steps, or scheduler.{parameter}"
    )
