"""Builds the component of a case with what the core would give it, whatever its kind. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from toolkit.build import BuildError, Experiment, Monitor, RunLength, build, construct
from toolkit.build.scheduler import configured
from toolkit.build.stand_in import data_is_absent, stood_in
from toolkit.check import Signature, resolve
from toolkit.data.download import no_downloads
from toolkit.registry import Component
from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.settings import seed_all
from toolkit.testing.subject import SEED, Subject, block_of, made, recipe_with

STEPS_PER_EPOCH, EPOCHS = 5, 4
"""How long a run a scheduler is told of."""


class Bowl(nn.Module):
    """A quadratic bowl over a matrix: steeper in some directions than in others, lowest at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.linspace(1.0, 2.0, 16).view(4, 4))
        self.register_buffer("steepness", torch.linspace(0.5, 1.5, 4))

    def forward(self) -> Tensor:
        """Its height at the position."""
        height: Tensor = (self.get_buffer("steepness") * self.position**2).sum() / 2
        return height


def bowl(subject: Subject) -> nn.Module:
    """What an optimizer of this case goes down in."""
    module = Bowl() if subject.case.batch is None else made(subject.case.batch)
    if not isinstance(module, nn.Module):
        raise Broken("the case's `batch` of an optimizer is a module whose forward() returns what is to be made small")
    return module


def optimizer_over(subject: Subject, module: nn.Module) -> Optimizer:
    """The optimizer of a case over a module's parameters."""
    optimizer: Optimizer = subject.build(None, params=list(module.parameters()))
    return optimizer


def configured_scheduler(subject: Subject, optimizer: Optimizer) -> dict[str, Any]:
    """Lightning's configuration of the scheduler of a case, as the toolkit makes it for a run of a few steps."""
    block, recipe = block_of(subject.spec, subject.registry, subject.folder)
    length = RunLength(STEPS_PER_EPOCH * EPOCHS, STEPS_PER_EPOCH, EPOCHS)
    return configured(block, recipe, Monitor("val/loss", "min"), {}, optimizer, lambda: length)


def plain_optimizer() -> Optimizer:
    """One that a scheduler can move: two groups of different learning rates."""
    groups = [{"params": [nn.Parameter(torch.ones(2))], "lr": lr} for lr in (0.5, 0.1)]
    return torch.optim.SGD(groups, lr=0.5, momentum=0.9)


def experiment(subject: Subject, **replaced: Callable[..., Any]) -> Experiment:
    """The whole experiment that the case of a task describes.

    Args:
        subject: the task.
        replaced: by kind, a component to take in the place of the recipe's.
    """
    if "dataset" not in subject.case.recipe:
        raise Broken("the case of a task needs `recipe`: the other keys of a recipe that trains it, at least `dataset`")
    defaults = {"seed": SEED, "trainer": {"max_steps": 1}}
    recipe = recipe_with(subject.spec, subject.registry, subject.folder, {**defaults, **subject.case.recipe})
    checked = resolve(recipe, subject.registry)
    if checked.problems:
        raise Broken("; ".join(problem.text for problem in checked.problems))
    blocks = dict(checked.blocks)
    for kind, component in replaced.items():
        empty = Signature({})
        entry = blocks[kind].component.entry
        blocks[kind] = replace(blocks[kind], component=Component(entry, component), signature=empty, arguments={})
    return build(replace(checked, blocks=blocks))


def task_alone(subject: Subject, whole: Experiment) -> Any:
    """The task of an experiment once more, and nothing else of it."""
    blocks = whole.checked.blocks
    given: dict[str, Any] = {"model": whole.model, "metrics": whole.metrics, "run_files": whole.run_files}
    if "loss" in blocks:
        given["loss"] = construct(blocks["loss"], {}, whole.facts, recipe=whole.recipe)
    given["optimizer"] = lambda module: torch.optim.SGD(module.parameters(), lr=0.1)
    given = {name: value for name, value in given.items() if value is not None}
    return construct(blocks["task"], given, whole.facts, recipe=whole.recipe)


def builder(subject: Subject) -> Callable[[int | None], Any]:
    """A function that builds the component of a case anew, of any kind, from a seed."""
    if subject.kind == "task":
        whole = experiment(subject)
        return lambda seed: _seeded(seed) and task_alone(subject, whole)
    if subject.kind == "optimizer":
        module = bowl(subject)
        return lambda seed: _seeded(seed) and optimizer_over(subject, module)
    if subject.kind == "scheduler":
        optimizer = plain_optimizer()
        return lambda seed: _seeded(seed) and configured_scheduler(subject, optimizer)["scheduler"]
    if subject.kind == "dataset":
        return lambda seed: dataset_of(subject, seed)
    return subject.build


def _seeded(seed: int | None) -> bool:
    if seed is not None:
        seed_all(seed)
    return True


def dataset_of(subject: Subject, seed: int | None = SEED, *, real: bool = False) -> Any:
    """The dataset of a case from what is on this machine, or what stands in for data that is not.

    Args:
        subject: the dataset.
        seed: to build it after.
        real: whether a stand-in will not do.

    Raises:
        BuildError: it could not be built, or its data is not here and it has no ``stand_in``.
        DoesNotApply: a stand-in will not do.
    """
    with no_downloads():
        try:
            return subject.build(seed)
        except BuildError as error:
            stand_in = stood_in(subject.block, SEED) if data_is_absent(error) else None
            if stand_in is None:
                raise
            if real:
                raise DoesNotApply("its data is not on this machine, and a stand-in says nothing of it") from error
            return stand_in
