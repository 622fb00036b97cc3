"""What each of two processes does for a check: see `toolkit.testing.pair`. Imports torch."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from toolkit.testing.check import found
from toolkit.testing.models import call, total
from toolkit.testing.pair import START_SECONDS
from toolkit.testing.rows import count, same, take
from toolkit.testing.settings import put_back
from toolkit.testing.subject import Spec, alone, built

STEPS = 2


def serve() -> None:
    """Join the group and do jobs until the process that started this one is gone."""
    rank, world_size, rendezvous = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # What the tested code prints must not mix with the answers.
    os.dup2(2, 1)
    # The other one may start much later; how long a job may take is for who has given it to say.
    timeout = timedelta(seconds=START_SECONDS)
    dist.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world_size, timeout=timeout
    )
    torch.set_num_threads(1)
    answers.write(pickle.dumps((False, "started")))
    answers.flush()
    while True:
        try:
            path, job, spec, value = pickle.load(jobs)
        except EOFError:
            # Not by way of the interpreter's end, in which a thread of gloo may crash.
            os._exit(0)
        sys.path[:] = path
        try:
            with put_back():
                module, _, name = job.partition(":")
                answer = (False, getattr(import_module(module), name)(spec, value))
        # Whatever the tested code raises is the answer.
        except BaseException as error:
            answer = (True, found(error))
        answers.write(pickle.dumps(answer))
        answers.flush()


def ddp(spec: Spec, batch: Any) -> None:
    """Two steps of a model under DDP, each process with its rows of a batch."""
    model = component(spec)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return
    parallel = nn.parallel.DistributedDataParallel(model.train())
    optimizer = torch.optim.SGD(parallel.parameters(), lr=1e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward(total(call(parallel, share(batch))))
        optimizer.step()
    # Not before: a second step is what tells that a parameter was left out of the first.
    agree("gradient", {name: each.grad for name, each in model.named_parameters() if each.grad is not None})
    agree("weight", dict(model.named_parameters()))


def updated(spec: Spec, batch: Any) -> Any:
    """What a metric computes of both processes' rows together."""
    metric = component(spec)
    metric.update(*share(batch))
    return metric.compute()


def component(spec: Spec) -> Any:
    """The component of a case, built in this process."""
    registry, _ = alone(spec.distribution)
    with tempfile.TemporaryDirectory() as folder:
        return built(spec, registry, Path(folder))


def share(batch: Any) -> Any:
    """This process's rows of a batch: the first half, or the rest."""
    rows, rank = count(batch), dist.get_rank()
    middle = rows // 2
    if middle == 0:
        raise ValueError(f"the case's batch has {rows} rows; two processes need at least two")
    return take(batch, slice(0, middle) if rank == 0 else slice(middle, rows), rows)


def agree(what: str, values: dict[str, Any]) -> None:
    """Raise ValueError unless the tensors of both processes are the same."""
    everybody: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everybody, {name: value.detach() for name, value in values.items()})
    if everybody[0].keys() != everybody[1].keys():
        raise ValueError(f"one process has a {what} that the other has not")
    for name in everybody[0]:
        if not same(everybody[0][name], everybody[1][name]):
            raise ValueError(f"the {what} of {name} is not the same in both processes")
