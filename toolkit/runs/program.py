"""A model as a program of `torch.export`: traced with one batch, held against the model on another. Imports torch."""

from __future__ import annotations

import io
import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from toolkit.errors import RequestError, RunError
from toolkit.runs.blame import first_line
from toolkit.tasks.predicting import Predicts
from toolkit.tasks.supervised import unpacked
from toolkit.tasks.tensors import mapped, tensors_in

BATCH = "batch"
"""What the number of samples is called in shapes."""
_SYMBOL = re.compile(r"\b[su]\d+\b")


@dataclass(frozen=True)
class Traced:
    """A program, what goes in and comes out, and how near it is to the model."""

    program: ExportedProgram
    inputs: Any
    """A text for each tensor, such as ``uint8 (batch, 1, 28, 28)``, in the dicts and tuples that the tensors are in."""
    outputs: Any
    difference: float
    """Between outputs of the program and of the model, at most; a share of the largest output where that is over 1."""


class WithTransforms(nn.Module):
    """What a task makes of a batch as the dataset gives it: the transforms of evaluations, and then its model.

    Arguments:
        task: asked by its `forward`.
        transforms: batch -> batch, in order.

    Raises:
        RequestError: there are transforms, and the task has no batch of inputs alone to give them.
    """

    def __init__(self, task: nn.Module, transforms: Sequence[Callable[[Any], Any]]) -> None:
        super().__init__()
        if transforms and not isinstance(task, Predicts):
            raise RequestError(
                f"transforms.eval: the task {type(task).__name__} has no method `unlabelled` that makes a batch for "
                "them of inputs alone"
            )
        self.task: Any = task
        self.transforms = tuple(transforms)

    def forward(self, inputs: Any) -> Any:
        """The model's outputs for the inputs of a batch."""
        if self.transforms:
            batch = self.task.unlabelled(inputs)
            for transform in self.transforms:
                batch = transform(batch)
            inputs, _ = unpacked(batch)
        return self.task(inputs)


def traced(model: nn.Module, inputs: Any, others: Any) -> Traced:
    """A model as a program.

    Arguments:
        model: in evaluation mode, on the CPU.
        inputs: of a batch, with which it is traced.
        others: of another batch of other sizes, on which the program is held against the model.

    Raises:
        RunError: the program takes the sizes alone that it was traced with.
        Exception: whatever `torch.export` raises where a model cannot be traced.
    """
    with torch.no_grad(), _without_remarks():
        # Before it is traced: what a model or a transform keeps from its first batch would hold no numbers then.
        expected = model(others)
        # Which sizes may change is found out; those that the model fixes stay.
        dynamic = mapped(inputs, lambda tensor: [Dim.AUTO if size > 1 else Dim.STATIC for size in tensor.shape])
        program = torch.export.export(model, (inputs,), dynamic_shapes=(dynamic,), strict=False)
        try:
            given = program.module()(others)
        except AssertionError as error:
            raise RunError(
                f"the program would take batches of one shape alone ({first_line(error)}); what a model learns by "
                "len(tensor) is fixed, what tensor.shape tells is not"
            ) from error
        apart = [_difference(*pair) for pair in zip(tensors_in(given), tensors_in(expected), strict=True)]
    # Samples of the user's data, and where files lie on this machine, have no place in what is handed on.
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    described = _described(program)
    return Traced(
        program,
        mapped(others, lambda _: next(described)),
        mapped(expected, lambda _: next(described)),
        # torch's maximum, which keeps what is no number.
        float(torch.tensor([0.0, *apart]).max()),
    )


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Keeps back what torch says of tracing: warnings of its own code, and pages about what it then raises."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _described(program: ExportedProgram) -> Iterator[str]:
    """The type and shape of each tensor that goes in, and then of each that comes out; equal sizes have one name."""
    signature = program.graph_signature
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        # The first of all is that of the batch.
        return names.setdefault(found[0], f"n{len(names)}" if names else BATCH)

    for name in (*signature.user_inputs, *signature.user_outputs):
        value = values.get(str(name))
        if isinstance(value, Tensor):
            sizes = ", ".join(_SYMBOL.sub(named, str(size)) for size in value.shape)
            yield f"{str(value.dtype).removeprefix('torch.')} ({sizes})"


def _difference(given: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest expected number where that is more than 1."""
    if given.shape != expected.shape or given.dtype != expected.dtype:
        return math.inf
    if not given.numel():
        return 0.0
    one, other = given.double(), expected.double()
    # Equal infinities, and two that are no numbers, are no difference.
    apart = (one - other).abs().masked_fill((one == other) | (one.isnan() & other.isnan()), 0.0)
    return float(apart.max() / other.nan_to_num(0.0, 0.0, 0.0).abs().max().clamp_min(1.0))
