"""The pieces that a learning-rate curve is put together from: parts for the scheduler `chain`.

Imports nothing of the toolkit and nothing heavy: a phase is plain arithmetic on the number of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Length = int | float | None
"""A whole number of steps; below 1, a fraction of the curve; None for all that the other phases leave."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a learning-rate curve.

    Args:
        length: how long it is.
        factor: what the learning rate is multiplied by, from how many of the phase's steps are done and how
            many it has.
    """

    length: Length
    factor: Callable[[int, int], float]


def lr_constant(factor: float = 1.0, steps: int | float | None = None) -> Phase:
    """A phase of `chain` in which the learning rate stays the same.

    Args:
        factor: what the optimizer's learning rate is multiplied by.
        steps: a whole number of steps, or a fraction of the run below 1; left out, all that remain.
    """
    return Phase(steps, lambda done, length: factor)


def lr_linear(start: float, end: float, steps: int | float | None = None) -> Phase:
    """A phase of `chain` in which the learning rate goes in a straight line.

    Args:
        start: factor on the optimizer's learning rate at the phase's first step.
        end: factor that the line reaches where the next phase begins.
        steps: a whole number of steps, or a fraction of the run below 1; left out, all that remain.
    """
    return Phase(steps, lambda done, length: start + (end - start) * _share(done, length))


def lr_cosine(start: float = 1.0, end: float = 0.0, steps: int | float | None = None) -> Phase:
    """A phase of `chain` that follows half a cosine wave (Loshchilov and Hutter, SGDR, 2017).

    Args:
        start: factor on the optimizer's learning rate at the phase's first step.
        end: factor that the wave reaches where the next phase begins.
        steps: a whole number of steps, or a fraction of the run below 1; left out, all that remain.
    """
    return Phase(
        steps,
        lambda done, length: end + (start - end) * (1.0 + math.cos(math.pi * _share(done, length))) / 2.0,
    )


def lr_exponential(start: float, end: float, steps: int | float | None = None) -> Phase:
    """A phase of `chain` in which the learning rate changes by the same ratio every step.

    Args:
        start: factor on the optimizer's learning rate at the phase's first step; above 0.
        end: factor that is reached where the next phase begins; above 0.
        steps: a whole number of steps, or a fraction of the run below 1; left out, all that remain.

    Raises:
        ValueError: a factor is not above 0.
    """
    if not (start > 0 and end > 0):
        raise ValueError(f"lr_exponential goes between factors above 0, not from {start} to {end}")
    return Phase(steps, lambda done, length: start * math.pow(end / start, _share(done, length)))


def lr_inverse_sqrt(timescale: int, start: float = 1.0, steps: int | float | None = None) -> Phase:
    """A phase of `chain` that falls with the square root of time (Vaswani et al., 2017, section 5.3).

    Args:
        timescale: steps after which the factor is ``start / sqrt(2)``. The paper's curve is a linear warm-up
            followed by this phase with the warm-up's length as its timescale.
        start: factor on the optimizer's learning rate at the phase's first step.
        steps: a whole number of steps, or a fraction of the run below 1; left out, all that remain.

    Raises:
        ValueError: ``timescale`` is below 1.
    """
    if timescale < 1:
        raise ValueError(f"the timescale of lr_inverse_sqrt is at least 1 step, not {timescale}")
    return Phase(steps, lambda done, length: start * math.sqrt(timescale / (timescale + done)))


def lay_out(phases: Mapping[str, Phase], total_steps: int) -> list[tuple[Phase, int]]:
    """The phases in order, each with its number of steps.

    Raises:
        ValueError: there is no phase, several leave out their length, one's is out of range, or together they
            are longer than ``total_steps``.
    """
    if not phases:
        raise ValueError("chain needs at least one phase")
    unset = [label for label, phase in phases.items() if phase.length is None]
    if len(unset) > 1:
        raise ValueError(f"only one phase can leave out its steps, not {' and '.join(unset)}")
    steps = {
        label: steps_of(phase.length, total_steps, f"{label}.steps")
        for label, phase in phases.items()
        if phase.length is not None
    }
    left = total_steps - sum(steps.values())
    if left < 0:
        raise ValueError(too_long("the phases take", total_steps - left, total_steps))
    return [(phase, steps.get(label, left)) for label, phase in phases.items()]


def steps_of(length: int | float, total_steps: int, name: str) -> int:
    """A length in whole steps.

    Raises:
        ValueError: it is negative, or a fraction that is not below 1.
    """
    if length < 0 or (isinstance(length, float) and not length < 1):
        raise ValueError(f"{name} is a whole number of steps, or a fraction of the run below 1, not {length}")
    return round(length * total_steps) if isinstance(length, float) else length


def too_long(what: str, steps: int, total_steps: int) -> str:
    """The message for lengths that do not fit into the run."""
    return f"{what} {steps} steps, but the run has {total_steps}; a fraction, such as 0.1, follows its length"


def _share(done: int, length: int) -> float:
    return done / length if length else 1.0
