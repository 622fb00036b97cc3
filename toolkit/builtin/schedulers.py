"""Learning-rate schedulers that torch does not have: warm-up with cosine decay, and a curve made of phases.

Imports torch, and nothing of the toolkit outside this package.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from toolkit.builtin.phases import Phase, lay_out, lr_cosine, lr_linear, steps_of, too_long


def linear_warmup_cosine(
    optimizer: Optimizer, total_steps: int, warmup: int | float = 0.05, min_lr_ratio: float = 0.0
) -> LambdaLR:
    """Linear warm-up (Goyal et al., 2017), then half a cosine wave down (Loshchilov and Hutter, SGDR, 2017).

    With ``w`` steps of warm-up the first step trains at ``1 / (w + 1)`` of the optimizer's learning rate, so
    that none is spent at 0. Step ``w``, counted from 0, is the first at the full rate, and the curve ends at
    ``min_lr_ratio`` together with the run. In a recipe::

        scheduler: {use: linear_warmup_cosine, interval: step, warmup: 500, min_lr_ratio: 0.1}

    Args:
        optimizer: whose learning rates, one for each parameter group, are the peak of the curve.
        total_steps: length of the run in the scheduler's interval; filled in from the run.
        warmup: a whole number of steps, or a fraction of ``total_steps`` below 1.
        min_lr_ratio: share of the peak that the learning rate falls to, and stays at afterwards.

    Raises:
        ValueError: the warm-up is out of range, or longer than the run.
    """
    length = steps_of(warmup, total_steps, "warmup")
    if length > total_steps:
        raise ValueError(too_long("warmup takes", length, total_steps))
    phases = {
        "warmup": lr_linear(start=1 / (length + 1), end=1.0, steps=length),
        "decay": lr_cosine(start=1.0, end=min_lr_ratio),
    }
    return chain(optimizer, phases, total_steps)


def chain(optimizer: Optimizer, phases: Mapping[str, Phase], total_steps: int) -> LambdaLR:
    """A learning-rate curve put together from phases, one after the other, in the order they are written.

    A phase is a part: `lr_constant`, `lr_linear`, `lr_cosine`, `lr_exponential`, `lr_inverse_sqrt`, or a
    plugin's own that returns an object with the two attributes of :class:`~toolkit.builtin.phases.Phase`. Its
    factors multiply the optimizer's learning rate. Its ``steps`` are a whole number or a fraction of the run;
    one phase can leave them out and takes what remains. In a recipe, with labels of your choice::

        scheduler:
          use: chain
          interval: step
          phases:
            warmup: {use: lr_linear, start: 0.01, end: 1.0, steps: 500}
            stable: {use: lr_constant}
            decay: {use: lr_linear, start: 1.0, end: 0.0, steps: 0.2}

    One number changes from the command line with ``scheduler.phases.warmup.steps=1000``. After the last phase
    the learning rate stays where that phase ends.

    Args:
        optimizer: whose learning rates, one for each parameter group, the factors multiply.
        phases: the phases by label, in order.
        total_steps: length of the run in the scheduler's interval; filled in from the run.

    Raises:
        ValueError: the phases do not fit into ``total_steps``, or more than one leaves out its steps.
    """
    laid_out = lay_out(phases, total_steps)

    # A function, not a callable object: LambdaLR would put an object's attributes into checkpoints.
    def factor(step: int) -> float:
        for phase, length in laid_out:
            if step < length:
                return phase.factor(step, length)
            step -= length
        phase, length = laid_out[-1]
        return phase.factor(length, length)

    return LambdaLR(optimizer, factor)
