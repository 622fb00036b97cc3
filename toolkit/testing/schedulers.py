"""What learning-rate schedulers promise, built as for a run of a few epochs. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from toolkit.engine.plain import check_plain
from toolkit.testing.building import EPOCHS, STEPS_PER_EPOCH, configured_scheduler, plain_optimizer
from toolkit.testing.check import Broken
from toolkit.testing.rows import assert_same
from toolkit.testing.subject import Subject


def learning_rates_are_finite_to_the_end(subject: Subject) -> None:
    """Over a whole run, whose length it is told, it moves without an error, and every learning rate is finite and not
    below 0."""
    optimizer = plain_optimizer()
    config = configured_scheduler(subject, optimizer)
    for number, rates in enumerate(_rates(config, optimizer, 0, _length(config))):
        if any(not torch.isfinite(torch.tensor(rate)) or rate < 0 for rate in rates):
            raise Broken(f"at step {number} the learning rates are {rates}")


def state_round_trip(subject: Subject) -> None:
    """The state dict is made of plain values, and a scheduler that is built anew and has loaded it, with the
    optimizer's state, goes on with the same learning rates."""
    optimizer = plain_optimizer()
    config = configured_scheduler(subject, optimizer)
    middle, length = _length(config) // 2, _length(config)
    list(_rates(config, optimizer, 0, middle))
    state, inner = config["scheduler"].state_dict(), optimizer.state_dict()
    check_plain(state)
    other = plain_optimizer()
    resumed = configured_scheduler(subject, other)
    other.load_state_dict(inner)
    resumed["scheduler"].load_state_dict(state)
    rest = list(_rates(config, optimizer, middle, length))
    assert_same(list(_rates(resumed, other, middle, length)), rest, "after loading its state the learning rates differ")


CHECKS = (learning_rates_are_finite_to_the_end, state_round_trip)


def _length(config: dict[str, Any]) -> int:
    """How often it moves in the run."""
    return EPOCHS if config["interval"] == "epoch" else STEPS_PER_EPOCH * EPOCHS


def _rates(config: dict[str, Any], optimizer: Optimizer, first: int, stop: int) -> list[list[float]]:
    """The learning rates with which each step is taken."""
    scheduler, found = config["scheduler"], []
    for number in range(first, stop):
        found.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        if number + 1 < stop or number + 1 < _length(config):
            if isinstance(scheduler, ReduceLROnPlateau):
                # What is watched gets better, and then no more.
                scheduler.step(max(1.0, 3.0 - number))
            else:
                scheduler.step()
    return found
