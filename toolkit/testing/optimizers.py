"""What optimizers promise. Imports torch."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn
from torch.optim import Optimizer

from toolkit.engine.plain import check_plain
from toolkit.testing.building import bowl, optimizer_over
from toolkit.testing.check import Broken
from toolkit.testing.rows import assert_same
from toolkit.testing.subject import Subject

STEPS = 100
ROUND_TRIP = 3


def descends_a_bowl(subject: Subject) -> None:
    """With the case's arguments, 100 steps in a quadratic bowl at least halve its height, which stays finite."""
    module = bowl(subject)
    optimizer = optimizer_over(subject, module)
    start = float(module().detach())
    for number in range(STEPS):
        _step(optimizer, module)
        height = float(module().detach())
        if not torch.isfinite(torch.tensor(height)):
            raise Broken(f"after {number + 1} steps the height is {height}")
    if height > start / 2:
        raise Broken(f"from {start:.4g} it gets to {height:.4g} in {STEPS} steps; give the case a fitting lr")


def state_round_trip(subject: Subject) -> None:
    """The state dict is made of tensors and plain values, and an optimizer that is built anew and has loaded it goes on
    exactly as the first would have."""
    module = bowl(subject)
    optimizer = optimizer_over(subject, module)
    for _ in range(ROUND_TRIP):
        _step(optimizer, module)
    state, weights = optimizer.state_dict(), {name: each.clone() for name, each in module.state_dict().items()}
    check_plain(state)
    again = bowl(subject)
    again.load_state_dict(weights)
    resumed = optimizer_over(subject, again)
    # As a checkpoint would give it back: nothing of the first one's tensors is shared.
    resumed.load_state_dict(deepcopy(state))
    for _ in range(ROUND_TRIP):
        _step(optimizer, module)
        _step(resumed, again)
    assert_same(dict(again.state_dict()), dict(module.state_dict()), "after loading its state it goes another way")


CHECKS = (descends_a_bowl, state_round_trip)


def _step(optimizer: Optimizer, module: nn.Module) -> None:
    def closure() -> float:
        optimizer.zero_grad()
        height = module()
        height.backward()
        return float(height.detach())

    optimizer.step(closure)
