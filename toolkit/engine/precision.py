"""What ``trainer.precision: auto`` means: a few steps of the real model on a real batch, in float32 and in bf16.

bf16 doubles the speed of a wide network on a CPU with matrix units and slows a narrow one down, so that it is measured
and not assumed. Imports torch and Lightning.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import move_data_to_device

from toolkit.engine.rng import rng_state, set_rng_state

FULL, HALF = "32-true", "bf16-mixed"
GAIN = 1.1
"""So many times faster bf16 has to be: less is within what two measurements differ by, and costs digits."""
ROUNDS = 5
LONGEST = 3.0
"""Seconds after which no further round begins."""


@dataclass(frozen=True, slots=True)
class Precision:
    """What was chosen for a run, and on what grounds."""

    value: str
    """As ``Trainer(precision=...)`` takes it."""
    reason: str


def choose_precision(task: pl.LightningModule, batch: Any, device: torch.device) -> Precision:
    """Time forward and backward passes of a copy of a task in both precisions.

    Random generators and the task are left as they were.

    Args:
        task: computes the loss of a batch in ``training_step`` when it has no trainer, or `loss_of` as the core's
            supervised tasks have it.
        batch: a batch of training data, as the task takes it; None where none could be had.
        device: where the run will compute.
    """
    if not computes_in_bf16(device):
        return Precision(FULL, f"this {'CPU' if device.type == 'cpu' else 'device'} does not compute in bf16")
    if batch is None or not hasattr(task, "loss_of"):
        return Precision(HALF if device.type == "cuda" else FULL, f"not measured: usual on {device.type}")
    with _untouched():
        trial: Any = copy.deepcopy(task).to(device).train()
        moved = move_data_to_device(batch, device)
        seconds: dict[str, list[float]] = {FULL: [], HALF: []}
        began = time.monotonic()
        for _ in range(ROUNDS + 1):
            for precision, found in seconds.items():
                found.append(_seconds_of_step(trial, moved, device, precision))
            if time.monotonic() - began > LONGEST:
                break
    # The first round warmed up; where there was time for no other, it has to do.
    full, half = (statistics.median(found[1:] or found) for found in seconds.values())
    ratio = full / half
    if ratio >= GAIN:
        return Precision(HALF, f"measured {ratio:.1f} times as fast as float32")
    return Precision(FULL, f"bf16 measured {ratio:.1f} times as fast")


def computes_in_bf16(device: torch.device) -> bool:
    """Whether a device has units for bf16; without them it is emulated, and slow."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch has no public name for it (2.14).
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _seconds_of_step(task: Any, batch: Any, device: torch.device, precision: str) -> float:
    _wait_for(device)
    began = time.perf_counter()
    context = torch.autocast(device.type, dtype=torch.bfloat16) if precision == HALF else nullcontext()
    with context:
        loss = task.loss_of(batch)
    loss.backward()
    _wait_for(device)
    return time.perf_counter() - began


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _untouched() -> Iterator[None]:
    state = rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
