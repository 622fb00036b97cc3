"""Data in a file that may be larger than memory, and passes over it. Imports torch and NumPy."""

from __future__ import annotations

import importlib
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.frame import STATUS
from benchmarks.problem import BATCH, Batches, as_floats, now, sgd
from benchmarks.with_toolkit import seconds_of_epoch, training_batches

SHAPE = (3, 32, 32)
WRITTEN_AT_ONCE = 10_000


def write(folder: str, samples: int) -> None:
    """Writes ``inputs.npy``, random uint8 ``(samples, 3, 32, 32)``, and ``targets.npy``, ``(samples,)``."""
    drawn = np.random.default_rng(0)
    path = Path(folder) / "inputs.npy"
    inputs = np.lib.format.open_memmap(path, "w+", np.uint8, (samples, *SHAPE))
    for start in range(0, samples, WRITTEN_AT_ONCE):
        stop = min(samples, start + WRITTEN_AT_ONCE)
        inputs[start:stop] = drawn.integers(0, 256, (stop - start, *SHAPE), np.uint8)
    inputs.flush()
    np.save(Path(folder) / "targets.npy", drawn.integers(0, 10, samples))


def forget(folder: str) -> None:
    """Drops the file from the system's cache, where the system can be asked to."""
    descriptor = os.open(Path(folder) / "inputs.npy", os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def peak_megabytes() -> float:
    """The largest resident size that this process has had, in MB; only Linux says."""
    # Not ru_maxrss: a new process begins with that of the process that started it.
    found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


class MemoryMap:
    """A map-style dataset over the memory map of the file, that hands out whole batches."""

    def __init__(self, folder: str) -> None:
        self.inputs = np.load(Path(folder) / "inputs.npy", mmap_mode="r")
        self.targets = np.load(Path(folder) / "targets.npy")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError("whole batches only")

    def __getitems__(self, indices: Any) -> Any:
        return torch.from_numpy(self.inputs[indices]), torch.from_numpy(self.targets[indices])


class LargeFile:
    """The dataset of the file, to train on only: ``read`` whole, or left ``on_disk`` for the core to read."""

    val = test = None
    facts: ClassVar[dict[str, Any]] = {"num_classes": 10, "task": "multiclass"}

    def __init__(self, folder: str, how: Literal["whole", "on_disk"]) -> None:
        self.train = whole(folder) if how == "whole" else on_disk(folder)


def whole(folder: str) -> tuple[Tensor, Tensor]:
    """The file in memory."""
    inputs, targets = (torch.from_numpy(np.load(Path(folder) / f"{name}.npy")) for name in ("inputs", "targets"))
    return inputs, targets


def on_disk(folder: str) -> Any:
    """The file as the core reads it."""
    from toolkit.data import OnDisk

    return OnDisk(Path(folder) / "inputs.npy", Path(folder) / "targets.npy")


def mapped_batches(folder: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches gathered at random from the memory map."""
    mapped = MemoryMap(folder)
    for index in torch.randperm(len(mapped)).split(BATCH):
        yield mapped.__getitems__(index.numpy())


def read(variant: str, folder: str) -> dict[str, float]:
    """A pass over the file, in this process: its samples a second (``rate``) and its memory (``memory``, in MB)."""
    torch.set_num_threads(1)
    if variant == "bare":
        return {"memory": peak_megabytes()}
    if variant == "lightning":
        importlib.import_module("pytorch_lightning")
        return {"memory": peak_megabytes()}
    if variant in ("on_disk", "mapped"):
        importlib.import_module("toolkit.data.module")  # is no part of what is timed
    passes: dict[str, Callable[[], Iterable[Any]]] = {
        "by_hand": lambda: mapped_batches(folder),
        "whole": lambda: Batches(whole(folder)),
        "on_disk": lambda: training_batches(on_disk(folder)),
        "mapped": lambda: training_batches(MemoryMap(folder)),
    }
    forget(folder)
    began = now()
    seen = sum(len(as_floats(inputs)) for inputs, _ in passes[variant]())
    return {"rate": seen / (now() - began), "memory": peak_megabytes()}


def linear() -> nn.Module:
    """A network that takes next to no memory."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), 10))


def train(variant: str, folder: str) -> float:
    """An epoch of training on the file, in this process: its largest memory, in MB."""
    torch.set_num_threads(1)
    if variant.startswith("toolkit"):
        how = variant.removeprefix("toolkit_")
        dataset = {"use": "benchmarks.large:LargeFile", "folder": folder, "how": how}
        seconds_of_epoch({"dataset": dataset, "model": {"use": "benchmarks.large:linear"}}, "trainer.max_epochs=1")
        return peak_megabytes()
    batches = mapped_batches(folder) if variant == "mapped" else Batches(whole(folder))
    model = linear()
    optimizer = sgd(model)
    for inputs, targets in batches:
        optimizer.zero_grad()
        cross_entropy(model(as_floats(inputs)), targets).backward()
        optimizer.step()
    return peak_megabytes()
