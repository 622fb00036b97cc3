"""Training on one device, by hand, by Lightning and by the toolkit: images or tokens a second. Imports Lightning."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

from benchmarks import with_lightning, with_toolkit
from benchmarks.frame import Rounds, interleaved
from benchmarks.gpu import Size
from benchmarks.loops import unwrapped_step
from benchmarks.problem import Batches, TokenLoss, Transformer, as_floats, conv_net, now, pictures, sgd, texts

SHAPE = (3, 32, 32)
PRECISION = "bf16-mixed"


def rounds(size: dict[str, Any], device: str, count: int) -> Rounds:
    """One measurement, in this process: images or tokens a second by variant and round."""
    known = Size(**size)

    def rate(seconds: Any) -> float:
        return known.samples * max(1, known.length) / float(seconds(known, device))

    return interleaved(
        {loop.__name__: functools.partial(rate, loop) for loop in (by_hand, by_toolkit, by_lightning)}, count
    )


def by_hand(size: Size, device: str) -> float:
    """Seconds of the second epoch of a loop by hand."""
    model, loss = _network(size)
    model.to(device)
    optimizer = sgd(model)
    step, parameters = unwrapped_step(optimizer), list(model.parameters())
    batches = _batches(size, device)
    seconds = 0.0
    for _ in range(2):
        began = now()
        for inputs, targets in batches:
            for parameter in parameters:
                parameter.grad = None
            with torch.autocast(device, torch.bfloat16):
                found = loss(model(as_floats(inputs)), targets)
            found.backward()
            step()
        seconds = now() - began
    return seconds


def by_lightning(size: Size, device: str) -> float:
    """The same by Lightning."""
    model, loss = _network(size)
    return with_lightning.seconds_of_epoch(
        model, _batches(size, device), loss=loss, accelerator=device, precision=PRECISION
    )


def by_toolkit(size: Size, device: str) -> float:
    """The same by the toolkit."""
    pictured = {
        "dataset": {"use": "benchmarks.problem:Pictures", "samples": size.samples, "shape": list(SHAPE)},
        "model": {"use": "benchmarks.problem:conv_net"},
    }
    written = {
        **with_toolkit.USER_TASK,
        "dataset": {"use": "benchmarks.problem:Texts", "samples": size.samples, "length": size.length},
        "model": {"use": "benchmarks.problem:Transformer", "length": size.length},
        "loss": {"use": "benchmarks.problem:TokenLoss"},
    }
    return with_toolkit.seconds_of_epoch(
        written if size.length else pictured,
        f"loader.batch_size={size.batch}",
        "loader.resident=true",
        f"trainer.accelerator={device}",
        f"trainer.precision={PRECISION}",
    )


def _network(size: Size) -> tuple[nn.Module, nn.Module]:
    return (Transformer(size.length), TokenLoss()) if size.length else (conv_net(), nn.CrossEntropyLoss())


def _batches(size: Size, device: str) -> Batches:
    tensors = texts(size.samples, size.length, device) if size.length else pictures(size.samples, SHAPE, device)
    return Batches(tensors, size.batch)
