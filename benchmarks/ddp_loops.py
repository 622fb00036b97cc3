"""Training in several processes, by hand, by Lightning and by the toolkit: seconds of a step.

Imports torch, and trainers only inside the function that measures them. The processes are started by
`benchmarks.frame.call`, those of the toolkit by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from benchmarks.loops import unwrapped_step
from benchmarks.problem import Batches, as_floats, conv_net, net, now, pictures, sgd


@dataclass(frozen=True, slots=True)
class Problem:
    """A network and the shape of its inputs."""

    model: Callable[[], nn.Module]
    shape: tuple[int, ...]


BATCH = 128
"""Samples of a step, of all processes together."""
Samples = dict[str, int]
"""By problem the samples of an epoch."""
Seconds = dict[str, float]
"""By problem the seconds of a step."""
PROBLEMS = {"net": Problem(net, (784,)), "conv": Problem(conv_net, (3, 32, 32))}


def by_hand(samples: Samples, threads: int = 1) -> Seconds:
    """A loop by hand, in this process and its likes."""
    rank, ranks = _place()
    torch.set_num_threads(threads)
    if ranks > 1:
        dist.init_process_group("gloo")
    found = {}
    for name, count in samples.items():
        problem = PROBLEMS[name]
        torch.manual_seed(0)
        model = problem.model() if ranks == 1 else DistributedDataParallel(problem.model())
        optimizer = sgd(model)
        step, parameters = unwrapped_step(optimizer), list(model.parameters())
        batches = Batches(pictures(count, problem.shape), BATCH // ranks, rank, ranks)
        for _ in range(2):
            began = now()
            for inputs, targets in batches:
                for parameter in parameters:
                    parameter.grad = None
                cross_entropy(model(as_floats(inputs)), targets).backward()
                step()
            found[name] = (now() - began) / len(batches)
    if ranks > 1:
        dist.destroy_process_group()
    return found


def by_lightning(samples: Samples) -> Seconds:
    """Lightning, in this process and its likes, which it does not start itself."""
    from benchmarks.with_lightning import seconds_of_epoch

    rank, ranks = _place()
    torch.set_num_threads(1)
    found = {}
    for name, count in samples.items():
        problem = PROBLEMS[name]
        torch.manual_seed(0)
        batches = Batches(pictures(count, problem.shape), BATCH // ranks, rank, ranks)
        seconds = seconds_of_epoch(problem.model(), batches, devices=ranks, strategy="ddp" if ranks > 1 else "auto")
        found[name] = seconds / len(batches)
    return found


def by_toolkit(samples: Samples, processes: dict[str, int]) -> Seconds:
    """The toolkit, which starts its processes itself, by problem so many."""
    from benchmarks.with_toolkit import seconds_of_epoch

    found = {}
    for name, count in samples.items():
        problem = PROBLEMS[name]
        changes = {
            "dataset": {"use": "benchmarks.problem:Pictures", "samples": count, "shape": list(problem.shape)},
            "loader": {"batch_size": BATCH // processes[name]},
            "model": {"use": f"benchmarks.problem:{problem.model.__name__}"},
        }
        found[name] = seconds_of_epoch(changes, f"trainer.devices={processes[name]}") / -(-count // BATCH)
    return found


def _place() -> tuple[int, int]:
    """Rank of this process, and the number of processes."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
