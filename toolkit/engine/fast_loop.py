"""Lightning's training loop with a straight path for the steps at which nothing but training happens.

A step is *interior* when nobody would notice that Lightning was not asked: nothing is logged, validated, saved or shown
after it, and no callback or hook wants to see it. Those run here, one after the other, without the machinery around
them. Every other step is a *boundary*: callbacks are told of it, and what follows it is Lightning's own code; the first
and the last of an epoch are Lightning's altogether. Weights, counters, checkpoints and what is logged are the same to
the bit as with Lightning alone (``tests/engine/test_parity.py``): a step does the same operations on tensors in the
same order, and leaves out only what has no effect.

Imports torch and Lightning. It reaches into Lightning's private parts, so it is used with the versions it was compared
with only (`KNOWN_VERSIONS`); with others, and where something wants to see every batch, all steps are Lightning's.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.precision.amp import _optimizer_handles_unscaling
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import callbacks as known
from pytorch_lightning.core.hooks import DataHooks
from pytorch_lightning.loops.fetchers import _DataFetcher, _PrefetchDataFetcher
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.loops.utilities import _block_parallel_sync_behavior
from pytorch_lightning.plugins.precision import DoublePrecision, HalfPrecision, MixedPrecision, Precision
from pytorch_lightning.profilers import PassThroughProfiler
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from pytorch_lightning.trainer.connectors.logger_connector.result import _ResultMetric
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor
from torch.optim import LBFGS, Optimizer
from torch.optim import optimizer as torch_optimizer

from toolkit.engine.averaging import AveragedWeights
from toolkit.engine.step_graph import StepGraph
from toolkit.engine.stop import StopSignals, stop_asked

LIGHTNING: str = vars(pl)["__version__"]
KNOWN_VERSIONS = frozenset({"2.6.6"})
"""The versions of pytorch-lightning that the interior steps were compared with."""

SECONDS_BETWEEN_BOUNDARIES = 0.1
"""So long the interior may go on until Lightning, and with it progress bars and timers, gets a step again."""
SECONDS_BETWEEN_AGREEMENTS = 0.5
"""The same with several processes, which have to agree on it."""

INTERIOR = "in_interior"
"""An attribute of the task that is True during interior steps, whose `log` nobody sees but for the epoch's means."""

_ENGINE: Any = torch.autograd.Variable._execution_engine

_BATCH_HOOKS = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
_MODULE_HOOKS = (
    *_BATCH_HOOKS,
    "log",
    "optimizer_step",
    "optimizer_zero_grad",
    "backward",
    "configure_gradient_clipping",
    "lr_scheduler_step",
)
_AVERAGING = (known.WeightAveraging, known.EMAWeightAveraging, AveragedWeights)
"""Their hook at the end of a batch is a part of the step, and is called in the interior too."""
_QUIET = (
    known.TQDMProgressBar,
    known.RichProgressBar,
    known.LearningRateMonitor,
    known.DeviceStatsMonitor,
    known.ModelCheckpoint,
    known.EarlyStopping,
    known.Timer,
)
"""Callbacks of Lightning whose hooks for batches do nothing between two boundaries."""


def use_fast_loop(trainer: pl.Trainer) -> None:
    """Put the loop with the straight path into a trainer; with an unknown Lightning it stays as it is."""
    if LIGHTNING in KNOWN_VERSIONS:
        old = trainer.fit_loop.epoch_loop
        trainer._signal_connector = StopSignals(trainer)
        trainer.fit_loop.epoch_loop = FastEpochLoop(trainer, min_steps=old.min_steps, max_steps=old.max_steps)


def why_stock(trainer: Any, module: pl.LightningModule) -> str | None:
    """Why every step of this training is Lightning's own; None where interior steps run straight.

    It can be asked before the training has begun, when the optimizer is not there yet.
    """
    if not isinstance(trainer.fit_loop.epoch_loop, FastEpochLoop):
        return f"pytorch-lightning {LIGHTNING} is not one of {', '.join(sorted(KNOWN_VERSIONS))}"
    if not module.automatic_optimization:
        return "the task optimizes by hand (automatic_optimization = False)"
    strategy, precision = trainer.strategy, trainer.precision_plugin
    if type(strategy) is DDPStrategy:
        if strategy._ddp_comm_state is not None or strategy._model_averaging_period is not None:
            return "the strategy averages models"
    elif type(strategy) is not SingleDeviceStrategy:
        return f"the strategy {type(strategy).__name__} has a step of its own"
    if type(precision) not in (Precision, MixedPrecision, HalfPrecision, DoublePrecision):
        return f"the precision {type(precision).__name__} has a step of its own"
    if not isinstance(trainer.profiler, PassThroughProfiler):
        return f"the profiler {type(trainer.profiler).__name__} looks at every step"
    if is_param_in_hook_signature(module.training_step, "dataloader_iter", explicit=True):
        return "training_step takes the iterator of the data"
    for hook in _MODULE_HOOKS:
        if _function(module, hook) is not getattr(pl.LightningModule, hook):
            return f"the task has {hook}"
    for callback in _callbacks(trainer):
        for hook in _BATCH_HOOKS:
            if not _is_quiet(callback, hook):
                return f"the callback {type(callback).__name__} has {hook}"
    if len(trainer.optimizers) > 1:
        return "there are several optimizers"
    if any(config.reduce_on_plateau and config.interval == "step" for config in trainer.lr_scheduler_configs):
        return "a plateau scheduler looks at every step"
    if any(isinstance(optimizer, LBFGS) for optimizer in trainer.optimizers):
        return "LBFGS asks for the loss several times a step"
    if trainer.world_size > 1 and trainer._val_check_time_interval is not None:
        return "validation by the clock under several processes"
    return None


def use_step_graph(trainer: pl.Trainer, told: Callable[[], None], measured: Mapping[str, Any]) -> None:
    """Have interior steps taken several at a time, in a compiled graph, where that can be: ``engine.compile: step``.

    Args:
        trainer: has the loop with the straight path; with another one nothing is changed.
        told: called when `describe_loop` has something new to say.
        measured: what it said of the graph in an earlier part of the run.
    """
    loop = trainer.fit_loop.epoch_loop
    if isinstance(loop, FastEpochLoop):
        loop.graph = StepGraph(trainer, told, measured)


def describe_loop(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, Any]:
    """Which way the steps go, and why, for the record of a run.

    ``path`` is ``fast`` or ``stock``; ``graph`` is there where `use_step_graph` was called.
    """
    loop = trainer.fit_loop.epoch_loop
    why = (loop.why if isinstance(loop, FastEpochLoop) else None) or why_stock(trainer, module)
    said: dict[str, Any] = {"path": "fast", "why": ""} if why is None else {"path": "stock", "why": why}
    graph = loop.graph if isinstance(loop, FastEpochLoop) else None
    return said if graph is None else {**said, "graph": graph.describe(module, why)}


class FastEpochLoop(_TrainingEpochLoop):
    """The loop over the batches of an epoch."""

    interior_steps = 0
    """How many batches took the straight path so far."""
    why: str | None = None
    """Why no batch of the last epoch took it."""
    save_every_n_steps = 0
    """After how many optimizer steps `between_batches` wants to be asked; 0 for no fixed number."""
    between_batches: Callable[[], None] | None = None
    """Called between two batches to save a checkpoint, when one is due or the training is about to be stopped."""
    wants_to_save: Callable[[], bool] | None = None
    """Whether a checkpoint is due now, whatever the number of steps; one of several processes is enough."""
    graph: StepGraph | None = None
    """Takes several interior steps at once."""
    go_on: Callable[[], None] | None = None
    """Set when the next epoch is one that was begun before, whose counters stay as they were loaded: called before its
    first batch."""

    def __init__(self, trainer: pl.Trainer, min_steps: int | None = None, max_steps: int = -1) -> None:
        super().__init__(trainer, min_steps=min_steps, max_steps=max_steps)
        self.known: dict[str, tuple[tuple[Any, ...], _ResultMetric]] = {}
        """What `training_step` has logged so far: how, and where Lightning keeps its sum."""
        self._last_boundary = 0.0
        self._batches_at_boundary = 0
        self._stretch = 0
        """How many batches the interior may take before the processes agree again."""

    def reset(self) -> None:
        if self.go_on is None:
            super().reset()

    def on_save_checkpoint(self) -> dict[str, Any]:
        state: dict[str, Any] = super().on_save_checkpoint()
        return state if self.graph is None else {**state, "step_graph": self.graph.state_dict()}

    def on_load_checkpoint(self, state_dict: dict[str, Any]) -> None:
        super().on_load_checkpoint(state_dict)
        if self.graph is not None and "step_graph" in state_dict:
            self.graph.load_state_dict(state_dict["step_graph"])

    def run(self, data_fetcher: _DataFetcher) -> None:
        self.reset()
        self.on_run_start(data_fetcher)
        if self.go_on is not None:
            self.go_on()
            self.go_on = None
        straight = self._straight(data_fetcher)
        self._last_boundary, self._batches_at_boundary = time.monotonic(), self.batch_progress.total.ready
        # The first batch is a boundary: Lightning forgets the last epoch's means when they are first logged again.
        first = True
        while not self.done:
            try:
                self._agree(first=first)
                if straight is not None and (not first or self._graph_is_next(data_fetcher)):
                    first = False
                    number = self._interior_batches(data_fetcher)
                    if number > 0:
                        straight.take(data_fetcher, number, self._last_boundary + SECONDS_BETWEEN_BOUNDARIES)
                        if self.graph is not None:
                            self.graph.tell()
                    if not straight.stopped and self._graph_is_next(data_fetcher):
                        # The time was up. A batch that belongs in a graph is never taken alone.
                        continue
                    if not straight.stopped and self._batches_left(data_fetcher) > 1:
                        straight.take(data_fetcher, 1, math.inf, watched=True)
                        straight.stopped = True
                    if straight.stopped:
                        straight.stopped = False
                        self._end_step(data_fetcher)
                        continue
                with straight.logging() if straight is not None else nullcontext():
                    self.advance(data_fetcher)
                self.on_advance_end(data_fetcher)
                first = False
            except StopIteration:
                break
            finally:
                self.on_iteration_done()

    def _end_step(self, data_fetcher: _DataFetcher) -> None:
        """The end of Lightning's ``advance``, and what follows it."""
        connector = self.trainer._logger_connector
        connector.on_batch_end()
        self.batch_progress.increment_completed()
        connector.update_train_step_metrics()
        self.on_advance_end(data_fetcher)

    def _broadcast_sigterm_tensor(self) -> None:
        """Does nothing: `_agree` has asked."""

    def _agree(self, *, first: bool) -> None:
        """Between two batches: stops after a SIGTERM, saves what is due; several processes do it together.

        Raises:
            SIGTERMException: one of the processes was asked to end.
        """
        trainer = self.trainer
        stop, save = stop_asked(trainer), self.wants_to_save is not None and self.wants_to_save()
        now, batches = time.monotonic(), self.batch_progress.total.ready
        if trainer.world_size > 1:
            taken = batches - self._batches_at_boundary
            each = (now - self._last_boundary) / taken if taken else SECONDS_BETWEEN_AGREEMENTS
            stretch = int(SECONDS_BETWEEN_AGREEMENTS / max(each, 1e-6))
            told = torch.tensor([int(stop), int(save), -stretch], device=trainer.strategy.root_device)
            torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
            stop, save, self._stretch = bool(told[0]), bool(told[1]), -int(told[2])
        self._last_boundary, self._batches_at_boundary = now, batches
        if self.batch_progress.current.ready % trainer.accumulate_grad_batches and not first:
            # Gradients are waiting for their step; no checkpoint holds them.
            self._stretch = 0 if stop else self._stretch
            return
        every = self.save_every_n_steps
        # A task that optimizes by hand may step with each of its optimizers in one batch, and pass the number by.
        save = save or (every > 0 and self.global_step % every < max(1, len(trainer.optimizers)))
        if self.between_batches is not None and (stop or (save and not first)):
            self.between_batches()
        if stop:
            raise SIGTERMException

    def _straight(self, fetcher: _DataFetcher) -> _Straight | None:
        trainer = self.trainer
        combined = fetcher.combined_loader
        self.why = why_stock(trainer, trainer.lightning_module)
        if self.why is None:
            if combined._mode != "max_size_cycle" or combined.flattened != [combined.iterables]:
                self.why = "several loaders take turns"
            elif type(fetcher) is not _PrefetchDataFetcher or fetcher.length is None:
                self.why = "the data does not say how many batches an epoch has"
        if self.why is not None:
            return None
        if self.graph is not None:
            self.graph.begin_epoch()
        return _Straight(self)

    def _batches_left(self, fetcher: _DataFetcher) -> int:
        """How many batches of the epoch are still to come; none where Lightning is about to end it."""
        if self.trainer.should_stop or self.automatic_optimization._skip_backward:
            return 0
        assert fetcher.length is not None
        return int(fetcher.length) - self.batch_progress.current.ready

    def _graph_is_next(self, fetcher: _DataFetcher) -> bool:
        """Whether the next batch begins a block of steps in a graph, which depends on its place alone."""
        if self.graph is None or self.batch_progress.current.ready == 0:
            return False
        return self.graph.due(self._until_boundary(fetcher), self.batch_progress.total.ready)

    def _interior_batches(self, fetcher: _DataFetcher) -> int:
        """How many batches from here on are interior."""
        # Several processes hear of it in `_agree`, together.
        return 0 if self.trainer.world_size == 1 and stop_asked(self.trainer) else self._until_boundary(fetcher)

    def _until_boundary(self, fetcher: _DataFetcher) -> int:
        """How many batches there are before the next boundary that is known beforehand."""
        trainer = self.trainer
        ready = self.batch_progress.current.ready
        every = trainer.accumulate_grad_batches

        def until(steps: int) -> int:
            """Batches that can be taken without finishing more than so many optimizer steps."""
            return 0 if steps <= 0 else steps * every - ready % every

        number = self._batches_left(fetcher) - 1
        log_every = trainer.log_every_n_steps
        if log_every:
            number = min(number, until(log_every - 1 - self._batches_that_stepped % log_every))
        for save_every in (self.save_every_n_steps, *_saving_steps(trainer)):
            if save_every:
                number = min(number, until(save_every - 1 - self.global_step % save_every))
        if self.max_steps > 0:
            number = min(number, until(self.max_steps - 1 - self.global_step))
        check = trainer.val_check_batch
        if check and check != float("inf") and self._should_check_val_epoch():
            counted = self.batch_progress.total.ready if trainer.check_val_every_n_epoch is None else ready
            number = min(number, int(check) - 1 - counted % int(check))
        return min(number, self._stretch) if trainer.world_size > 1 else number


class _Straight:
    """The interior of one epoch: all that does not change from step to step, looked up once."""

    def __init__(self, loop: FastEpochLoop) -> None:
        trainer: Any = loop.trainer
        module: pl.LightningModule = trainer.lightning_module
        self.loop = loop
        self.trainer = trainer
        self.module = module
        self.stopped = False
        """Whether the last step is not over yet: what follows from it is Lightning's business."""
        strategy, precision = trainer.strategy, trainer.precision_plugin
        self._device = module.device
        self._takes_index = is_param_in_hook_signature(module.training_step, "batch_idx", min_args=2)
        self._convert = precision.convert_input if isinstance(precision, (HalfPrecision, DoublePrecision)) else None
        self._before = self._data_hook("on_before_batch_transfer")
        self._transfer = self._data_hook("transfer_batch_to_device")
        self._after = self._data_hook("on_after_batch_transfer")
        self._distributed = type(strategy) is DDPStrategy
        self._context: Callable[[], AbstractContextManager[Any]] = nullcontext
        if type(precision) is not Precision and not self._distributed:
            self._context = precision.train_step_context
        self._plain = type(precision) is Precision and not self._distributed
        self._scaler = precision.scaler if isinstance(precision, MixedPrecision) else None
        self._look_up()
        self._averaging = [one for one in _callbacks(trainer) if type(one) in _AVERAGING]
        self._watching = {
            hook: [one for one in _callbacks(trainer) if _function(one, hook) is not getattr(pl.Callback, hook)]
            for hook in ("on_train_batch_start", "on_train_batch_end")
        }
        self._one = torch.ones(())
        self._kind_of_one = (self._one.dtype, self._one.device)
        self._returned: Any = None
        """What `training_step` returned last."""
        self._known = loop.known
        compiled = getattr(module, "_compiler_ctx", None) is not None
        self._log: Callable[..., None] = _traced_by_nobody(self.log) if compiled else self.log
        self._ahead: deque[Any] = deque()
        """Batches that were fetched for a graph, are on the device, and are taken one by one after all."""

    def _look_up(self) -> None:
        """Look up what a callback may have replaced since the last boundary."""
        trainer = self.trainer
        self._training_step = trainer.strategy.training_step if self._distributed else self.module.training_step
        self._optimizer: Optimizer = trainer.optimizers[0]
        # A closure means something to optimizers of others; torch's call it once, before all else.
        self._own_closure = not type(self._optimizer).__module__.startswith("torch.optim.")
        self._own_zero_grad = _function(self._optimizer, "zero_grad") is not Optimizer.zero_grad
        self._step = _bare_step(self._optimizer)

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
        self._look_up()
        loop, trainer, module = self.loop, self.trainer, self.module
        connector, results = trainer._logger_connector, loop._results
        iterator: Any = fetcher.combined_loader._iterator
        batches = iterator.iterators[0]
        total: Any = loop.batch_progress.total
        current: Any = loop.batch_progress.current
        accumulate = trainer.accumulate_grad_batches
        parameters = [each for group in self._optimizer.param_groups for each in group["params"]]
        schedulers = [
            config
            for config in trainer.lr_scheduler_configs
            if config.interval == "step" and not config.reduce_on_plateau
        ]
        alone = trainer.world_size == 1
        graph = None if watched or loop.graph is None or loop.graph.why is not None else loop.graph
        connector._first_loop_iter = False
        before = module._current_fx_name
        module._current_fx_name = "training_step"
        vars(module).update({"log": self._log, INTERIOR: not watched})
        try:
            while number > 0:
                if graph is not None:
                    began = time.perf_counter()
                    if not self._ahead and graph.due(number, total.ready):
                        self._ahead.extend(map(self._on_device, islice(batches, graph.steps)))
                        if self._in_graph(graph, fetcher, schedulers):
                            number -= graph.steps
                            if alone and (time.monotonic() > deadline or stop_asked(trainer)):
                                return
                            continue
                number -= 1
                try:
                    batch = self._ahead.popleft() if self._ahead else self._on_device(next(batches))
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
                    self._returned = None  # Lightning takes no step for it
                else:
                    if watched:
                        self._tell("on_train_batch_start", batch, index)
                    total.started += 1
                    current.started += 1
                    self._optimize(batch, index, parameters, accumulate, steps=steps)
                total.processed += 1
                current.processed += 1
                if steps:
                    for config in schedulers:
                        if (index + 1) % config.frequency == 0:
                            loop.scheduler_progress.increment_ready()
                            config.scheduler.step()
                            loop.scheduler_progress.increment_completed()
                if watched:
                    self._tell("on_train_batch_end", self._output(accumulate), batch, index)
                    return
                for callback in self._averaging:
                    callback.on_train_batch_end(trainer, module, None, batch, index)
                loop.interior_steps += 1
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
            self._returned = None
            module._current_fx_name = before
            results.batch = results.batch_size = None

    def _in_graph(self, graph: StepGraph, fetcher: _DataFetcher, schedulers: list[Any]) -> bool:
        """Take the batches that wait, in one graph; or none of them, where they do not fit into it."""
        loop, steps = self.loop, len(self._ahead)
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
        loop.interior_steps += steps
        return True

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Inside, the task logs by `log`. Not for longer than a step: callbacks may copy the task."""
        module = vars(self.module)
        module["log"] = self._log
        try:
            yield
        finally:
            del module["log"]

    def _tell(self, hook: str, *arguments: Any) -> None:
        self.module._current_fx_name = hook
        for callback in self._watching[hook]:
            getattr(callback, hook)(self.trainer, self.module, *arguments)
        self.module._current_fx_name = "training_step"

    def _output(self, accumulate: int) -> dict[str, Any]:
        """What Lightning makes of what `training_step` returned, for callbacks."""
        returned = self._returned
        if returned is None:
            return {}
        extra = (
            {key: value for key, value in returned.items() if key != "loss"} if isinstance(returned, Mapping) else {}
        )
        loss = returned["loss"] if isinstance(returned, Mapping) else returned
        return {"loss": (loss.detach() / accumulate), **extra}

    def _optimize(self, batch: Any, index: int, parameters: list[Tensor], accumulate: int, *, steps: bool) -> None:
        progress = self.loop.automatic_optimization.optim_progress.optimizer
        step = progress.step
        # Lightning types its counters by their base class.
        zero_grad_total, zero_grad_now = vars(progress.zero_grad)["total"], vars(progress.zero_grad)["current"]

        def closure() -> Tensor | None:
            loss = self._loss(batch, index)
            if index % accumulate == 0:
                zero_grad_total.ready += 1
                zero_grad_now.ready += 1
                zero_grad_total.started += 1
                zero_grad_now.started += 1
                if self._own_zero_grad:
                    self._optimizer.zero_grad()
                else:
                    for parameter in parameters:
                        parameter.grad = None
                zero_grad_total.completed += 1
                zero_grad_now.completed += 1
            if loss is not None:
                if accumulate != 1:
                    loss = loss / accumulate
                self._backward(loss if self._scaler is None else self._scaler.scale(loss))
            return loss

        if not steps:
            with _block_parallel_sync_behavior(self.trainer.strategy, block=True):
                closure()
            return
        step.total.ready += 1
        step.current.ready += 1
        if self._scaler is not None:
            if closure() is not None:
                if not _optimizer_handles_unscaling(self._optimizer):
                    self._scaler.unscale_(self._optimizer)
                self._clip()
                self._scaler.step(self._optimizer)
                self._scaler.update()
            else:
                self._clip()
        elif self._own_closure:

            def clipped() -> Tensor | None:
                loss = closure()
                self._clip()
                return None if loss is None else loss.detach()

            self._step(closure=torch.enable_grad()(clipped))
        else:
            closure()
            self._clip()
            self._step()
        step.total.completed += 1
        step.current.completed += 1

    def _backward(self, loss: Tensor) -> None:
        if loss.dim() != 0:
            torch.autograd.backward(loss)  # which says what is wrong with it
            return
        kind = (loss.dtype, loss.device)
        if kind != self._kind_of_one:
            self._kind_of_one, self._one = kind, torch.ones((), dtype=loss.dtype, device=loss.device)
        # What `loss.backward()` comes to; making and checking the 1 it begins with costs a fifth of it (torch 2.14).
        _ENGINE.run_backward((loss,), (self._one,), False, False, (), allow_unreachable=True, accumulate_grad=True)

    def _loss(self, batch: Any, index: int) -> Tensor | None:
        arguments = (batch, index) if self._takes_index else (batch,)
        if self._plain:
            output = self._training_step(*arguments)
        else:
            with self._context():
                output = self._training_step(*arguments)
        self._returned = output
        if isinstance(output, Tensor):
            return output
        if isinstance(output, Mapping):
            loss = output.get("loss")
            if loss is None:
                raise MisconfigurationException("training_step returned a dict without the key 'loss'")
            assert isinstance(loss, Tensor)
            return loss
        if output is not None:
            raise MisconfigurationException("training_step must return a tensor, a dict with a loss, or None")
        if self.trainer.world_size > 1:
            raise RuntimeError("training_step returned None, which several processes cannot do")
        return None

    def _clip(self) -> None:
        trainer = self.trainer
        if trainer.gradient_clip_val:
            self.module.clip_gradients(self._optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)

    def _on_device(self, batch: Any) -> Any:
        if self._convert is not None:
            batch = self._convert(batch)
        if self._before is not None:
            batch = self._before(batch, 0)
        if self._transfer is not None:
            batch = self._transfer(batch, self._device, 0)
        elif self._device.type != "cpu":
            batch = self.module.transfer_batch_to_device(batch, self._device, 0)
        return batch if self._after is None else self._after(batch, 0)

    def _data_hook(self, name: str) -> Callable[..., Any] | None:
        """The hook of the task or of its data, or None where neither has one."""
        selector = self.trainer._data_connector._datahook_selector
        assert selector is not None
        instance = selector.get_instance(name)
        found: Callable[..., Any] = getattr(instance, name)
        return None if getattr(found, "__func__", found) is getattr(DataHooks, name) else found

    def log(
        self,
        name: str,
        value: Any,
        prog_bar: bool = False,
        logger: bool | None = None,
        on_step: bool | None = None,
        on_epoch: bool | None = None,
        reduce_fx: Any = "mean",
        enable_graph: bool = False,
        sync_dist: bool = False,
        sync_dist_group: Any = None,
        add_dataloader_idx: bool = True,
        batch_size: int | None = None,
        metric_attribute: str | None = None,
        rank_zero_only: bool = False,
    ) -> None:
        """What ``self.log`` is during an epoch: the same sums, without asking again what was asked before."""
        said: tuple[Any, ...] = (
            prog_bar,
            logger,
            on_step,
            on_epoch,
            reduce_fx,
            sync_dist,
            sync_dist_group,
            add_dataloader_idx,
        )
        said += (metric_attribute, rank_zero_only)
        found = self._known.get(name)
        direct = type(value) is Tensor and value.dim() == 0 and value.is_floating_point() and not enable_graph
        connector = self.trainer._logger_connector
        # At the first batch of an epoch Lightning looks which sums to begin anew.
        direct = direct and connector._first_loop_iter is False and self.module._current_fx_name == "training_step"
        if found is not None and direct and found[0] == said:
            result = found[1]
            results = self.loop._results
            size = results._extract_batch_size(result, batch_size, result.meta)
            with torch.no_grad():
                _ResultMetric.update(result, value.detach(), size)
            result._computed = None
            result._update_count += 1
            result.has_reset = False
            connector._current_fx = "training_step"
            return
        pl.LightningModule.log(
            self.module,
            name,
            value,
            prog_bar=prog_bar,
            logger=logger,
            on_step=on_step,
            on_epoch=on_epoch,
            reduce_fx=reduce_fx,
            enable_graph=enable_graph,
            sync_dist=sync_dist,
            sync_dist_group=sync_dist_group,
            add_dataloader_idx=add_dataloader_idx,
            batch_size=batch_size,
            metric_attribute=metric_attribute,
            rank_zero_only=rank_zero_only,
        )
        logged = self.loop._results.get(f"training_step.{name}")
        if direct and logged is not None:  # a trainer of bare bones keeps none
            self._known[name] = (said, logged)


def _traced_by_nobody(function: Callable[..., None]) -> Callable[..., None]:
    disable: Any = torch.compiler.disable
    left_alone: Callable[..., None] = disable(function)
    return left_alone


def _bare_step(optimizer: Optimizer) -> Callable[..., Any]:
    """``optimizer.step`` without torch's profiling and hooks around it, where there are none to call."""
    step: Any = type(optimizer).step
    patched = vars(optimizer).get("step")
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        torch_optimizer._global_optimizer_pre_hooks,
        torch_optimizer._global_optimizer_post_hooks,
    )
    foreign = patched is not None and not hasattr(patched, "_wrapped_by_lr_sched")
    if any(hooks) or foreign or not hasattr(step, "hooked"):
        return optimizer.step
    if patched is not None:
        # A scheduler wraps the step of its optimizer to see that it was called before the scheduler's own.
        vars(optimizer)["_opt_called"] = True
    bare: Callable[..., Any] = step.__wrapped__.__get__(optimizer)
    return bare


def _callbacks(trainer: pl.Trainer) -> list[Any]:
    return list(vars(trainer)["callbacks"])


def _function(owner: object, name: str) -> Any:
    found = getattr(owner, name)
    return getattr(found, "__func__", found)


def _is_quiet(callback: pl.Callback, hook: str) -> bool:
    """Whether a hook for batches has nothing to do between two boundaries."""
    if _function(callback, hook) is getattr(pl.Callback, hook) or getattr(callback, "per_batch", True) is False:
        return True
    if hook in vars(callback):
        return False
    definer = next(base for base in type(callback).__mro__ if hook in vars(base))
    return definer in _QUIET or (definer in _AVERAGING and type(callback) in _AVERAGING)


def _saving_steps(trainer: pl.Trainer) -> list[int]:
    """After how many optimizer steps Lightning's own checkpoints want to be asked."""
    return [one._every_n_train_steps for one in _callbacks(trainer) if isinstance(one, known.ModelCheckpoint)]
