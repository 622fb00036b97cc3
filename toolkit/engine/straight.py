"""Interior steps (`toolkit.engine.fast_loop`), one after the other. Imports torch and Lightning."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loops.fetchers import _DataFetcher
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop

from toolkit.engine.direct_log import DirectLog
from toolkit.engine.interior import AVERAGING, callbacks_of, function_of
from toolkit.engine.single_step import SingleStep
from toolkit.engine.step_graph import StepGraph
from toolkit.engine.stop import stop_asked
from toolkit.engine.transfer import Transfer

INTERIOR = "in_interior"
"""An attribute of the task that is True during interior steps, whose `log` nobody sees but for the epoch's means."""


class Straight:
    """The interior of one epoch: all that does not change from step to step, looked up once.

    Args:
        loop: of the epoch.
        graph: takes several steps at once; none where steps are taken one by one.
    """

    def __init__(self, loop: _TrainingEpochLoop, graph: StepGraph | None) -> None:
        trainer: Any = loop.trainer
        self._loop = loop
        self._trainer = trainer
        self._module: pl.LightningModule = trainer.lightning_module
        self._graph = graph
        self.stopped = False
        """Whether the last step is not over yet: what follows from it is Lightning's business."""
        self.taken = 0
        """How many batches."""
        self._step = SingleStep(loop)
        self._transfer = Transfer(trainer, self._module)
        self._averaging = [one for one in callbacks_of(trainer) if type(one) in AVERAGING]
        self._watching = {
            hook: [one for one in callbacks_of(trainer) if function_of(one, hook) is not getattr(pl.Callback, hook)]
            for hook in ("on_train_batch_start", "on_train_batch_end")
        }
        log = DirectLog(loop, self._module).log
        compiled = getattr(self._module, "_compiler_ctx", None) is not None
        self._log: Callable[..., None] = _traced_by_nobody(log) if compiled else log
        self._ahead: deque[Any] = deque()
        """Batches that were fetched for a graph, are on the device, and are taken one by one after all."""

    def take(self, fetcher: _DataFetcher, number: int, deadline: float, *, watched: bool = False) -> None:
        """Take up to ``number`` batches; fewer when the time is up or somebody asks the training to stop.

        Args:
            fetcher: has the epoch's iterator.
            number: of batches.
            deadline: when to end, by `time.monotonic`.
            watched: whether callbacks are told of the batch, as at a boundary; the end of the step is left to the loop.

        Raises:
            StopIteration: the data ended before its time.
        """
        self._step.look_up()
        loop, trainer, module = self._loop, self._trainer, self._module
        connector, results = trainer._logger_connector, loop._results
        iterator: Any = fetcher.combined_loader._iterator
        batches = iterator.iterators[0]
        total: Any = loop.batch_progress.total
        current: Any = loop.batch_progress.current
        accumulate = trainer.accumulate_grad_batches
        schedulers = [
            config
            for config in trainer.lr_scheduler_configs
            if config.interval == "step" and not config.reduce_on_plateau
        ]
        alone = trainer.world_size == 1
        graph = None if watched or self._graph is None or self._graph.why is not None else self._graph
        connector._first_loop_iter = False
        before = module._current_fx_name
        module._current_fx_name = "training_step"
        vars(module).update({"log": self._log, INTERIOR: not watched})
        try:
            while number > 0:
                if graph is not None:
                    began = time.perf_counter()
                    if not self._ahead and graph.due(number, total.ready):
                        self._ahead.extend(map(self._transfer, islice(batches, graph.steps)))
                        if self._in_graph(graph, fetcher, schedulers):
                            number -= graph.steps
                            if alone and (time.monotonic() > deadline or stop_asked(trainer)):
                                return
                            continue
                number -= 1
                try:
                    batch = self._ahead.popleft() if self._ahead else self._transfer(next(batches))
                except StopIteration:
                    iterator._consumed[0] = fetcher.done = True
                    raise
                fetcher.fetched += 1
                iterator._idx += 1
                loop.batch_progress.is_last_batch = False
                index = current.ready
                total.ready += 1
                current.ready += 1
                results.batch, results.batch_size = batch, None
                steps = (index + 1) % accumulate == 0
                if batch is None:
                    self._step.returned = None  # Lightning takes no step for it
                else:
                    if watched:
                        self._tell("on_train_batch_start", batch, index)
                    total.started += 1
                    current.started += 1
                    self._step.take(batch, index)
                total.processed += 1
                current.processed += 1
                if steps:
                    for config in schedulers:
                        if (index + 1) % config.frequency == 0:
                            loop.scheduler_progress.increment_ready()
                            config.scheduler.step()
                            loop.scheduler_progress.increment_completed()
                if watched:
                    self._tell("on_train_batch_end", self._step.output(), batch, index)
                    return
                for callback in self._averaging:
                    callback.on_train_batch_end(trainer, module, None, batch, index)
                self.taken += 1
                if trainer.should_stop:
                    self.stopped = True
                    return
                total.completed += 1
                current.completed += 1
                if steps:
                    loop._batches_that_stepped += 1
                if graph is not None:
                    graph.time_single(began)
                if alone and not self._ahead and (time.monotonic() > deadline or stop_asked(trainer)):
                    return
        finally:
            del vars(module)["log"], vars(module)[INTERIOR]
            self._step.returned = None
            module._current_fx_name = before
            results.batch = results.batch_size = None

    def _in_graph(self, graph: StepGraph, fetcher: _DataFetcher, schedulers: list[Any]) -> bool:
        """Take the batches that wait, in one graph; or none of them, where they do not fit into it."""
        loop, steps = self._loop, len(self._ahead)
        progress = loop.batch_progress
        if steps < graph.steps or not graph.take(list(self._ahead), progress.current.ready, schedulers):
            return False
        self._ahead.clear()
        fetcher.fetched += steps
        iterator: Any = fetcher.combined_loader._iterator
        iterator._idx += steps
        progress.is_last_batch = False
        first = progress.current.ready
        optimizer = loop.automatic_optimization.optim_progress.optimizer
        zero_grad, step = vars(optimizer.zero_grad), vars(optimizer.step)
        for counted in (vars(progress)["total"], vars(progress)["current"]):
            counted.ready += steps
            counted.started += steps
            counted.processed += steps
            counted.completed += steps
        for counted in (zero_grad["total"], zero_grad["current"]):
            counted.ready += steps
            counted.started += steps
            counted.completed += steps
        for counted in (step["total"], step["current"]):
            counted.ready += steps
            counted.completed += steps
        for config in schedulers:
            moved = (first + steps) // config.frequency - first // config.frequency
            for counted in (loop.scheduler_progress.total, loop.scheduler_progress.current):
                counted.ready += moved
                counted.completed += moved
        loop._batches_that_stepped += steps
        self.taken += steps
        return True

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Inside, the task logs by `DirectLog.log`. Not for longer than a step: callbacks may copy the task."""
        module = vars(self._module)
        module["log"] = self._log
        try:
            yield
        finally:
            del module["log"]

    def _tell(self, hook: str, *arguments: Any) -> None:
        self._module._current_fx_name = hook
        for callback in self._watching[hook]:
            getattr(callback, hook)(self._trainer, self._module, *arguments)
        self._module._current_fx_name = "training_step"


def _traced_by_nobody(function: Callable[..., None]) -> Callable[..., None]:
    disable: Any = torch.compiler.disable
    left_alone: Callable[..., None] = disable(function)
    return left_alone
