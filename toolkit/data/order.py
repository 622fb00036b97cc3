"""Which samples make up which batch: a pure function of (seed, epoch, process), never of what was read before.

Imports torch, not Lightning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.errors import RequestError


@dataclass(frozen=True, slots=True)
class Process:
    """One of the processes that share the data: `rank` of `world_size`."""

    rank: int = 0
    world_size: int = 1


def mixed_seed(*parts: int | str) -> int:
    """A seed below 2**63 from several parts; neighbouring parts give unrelated seeds, on every machine the same."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def shuffled(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of one epoch, shape `(samples,)`: a permutation that depends on seed and epoch only."""
    generator = torch.Generator().manual_seed(mixed_seed("order", seed, epoch))
    return torch.randperm(samples, generator=generator)


def beginning() -> int:
    """The position of an epoch of which no batch has been trained on yet."""
    return 0


@dataclass(frozen=True, slots=True)
class Order:
    """What the order of an epoch depends on. Loaders ask for it when an epoch's first batch is asked for."""

    shuffle: bool
    """Whether samples are shuffled by (seed, epoch); the data's own order otherwise."""
    seed: int
    trainer_epoch: Callable[[], int]
    """The trainer's current epoch."""
    position: Callable[[], int] = beginning
    """How many batches of this epoch this process has trained on already; the loader begins with the next one."""

    def epoch(self) -> int:
        """The epoch that order and random numbers follow: every evaluation is like the first."""
        return self.trainer_epoch() if self.shuffle else 0

    def of(self, samples: int) -> Tensor:
        """The order of the current epoch, shape `(samples,)`."""
        if not self.shuffle:
            return torch.arange(samples)
        return shuffled(samples, self.seed, self.epoch())


@dataclass(frozen=True, slots=True)
class Plan:
    """How the samples of a split are divided into batches and over processes.

    Batch `k` of all processes together is made of the samples `k * batch_size * world_size` and following of the
    epoch's order, dealt out like cards: two processes with batches of 32 train on the same 64 samples in step `k` as
    one process with batches of 64.

    No sample is repeated and none is lost (torch's DistributedSampler repeats samples to fill up). The last batch is
    smaller, and differs by at most one sample between processes. When fewer samples than processes are left over,
    they join the batch before: it has `batch_size + 1` samples on those processes. All processes therefore take the
    same number of steps, which collective operations need.
    """

    samples: int
    batch_size: int
    drop_last: bool = False
    process: Process = Process()

    @property
    def steps(self) -> int:
        """Number of batches, on every process the same."""
        if self.drop_last:
            return self.samples // (self.batch_size * self.process.world_size)
        return -(-(self.samples // self.process.world_size) // self.batch_size)

    def share(self, order: Tensor) -> Tensor:
        """This process's part of an order of shape `(samples,)`."""
        return order[self.process.rank :: self.process.world_size]

    def bounds(self, first: int = 0, stop: int | None = None) -> list[tuple[int, int]]:
        """Start and stop inside this process's share of the batches from `first` up to `stop`, or up to the last."""
        steps = self.steps
        wanted = range(steps)[first:stop]
        found = [(step * self.batch_size, (step + 1) * self.batch_size) for step in wanted]
        if found and wanted[-1] == steps - 1 and not self.drop_last:
            share = len(range(self.process.rank, self.samples, self.process.world_size))
            found[-1] = (found[-1][0], share)
        return found

    def check(self, split: str) -> None:
        """Raise a RequestError when a process would get no batch at all."""
        world = self.process.world_size
        if self.samples < world:
            raise RequestError(
                f"dataset: the split {split!r} has {self.samples} samples, too few for {world} processes; "
                f"set trainer.devices to at most {self.samples}"
            )
        if self.steps == 0:
            times = f" x {world} processes" if world > 1 else ""
            raise RequestError(
                f"loader.batch_size: {self.batch_size}{times} is more than the {self.samples} samples of the split "
                f"{split!r}, and loader.drop_last drops the only batch; set loader.batch_size to at most "
                f"{self.samples // world}, or loader.drop_last=false"
            )
