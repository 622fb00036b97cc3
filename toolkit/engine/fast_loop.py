"""Lightning's training loop with a straight path for the steps at which nothing but training happens.

A step is *interior* when nobody would notice that Lightning was not asked: nothing is logged, validated, saved or shown
after it, and no callback or hook wants to see it. Those run one after the other (`toolkit.engine.straight`), without
the machinery around them. Every other step is a *boundary*: callbacks are told of it, and what follows it is
Lightning's own code; the first and the last of an epoch are Lightning's altogether. Weights, counters, checkpoints and
what is logged are the same to the bit as with Lightning alone (``tests/engine/test_parity.py``): a step does the same
operations on tensors in the same order, and leaves out only what has no effect.

Imports torch and Lightning. It reaches into Lightning's private parts, so it is used with the versions it was compared
with only (`toolkit.engine.interior.KNOWN_VERSIONS`); with others, and where something wants to see every batch, all
steps are Lightning's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks as known
from pytorch_lightning.loops.fetchers import _DataFetcher, _PrefetchDataFetcher
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.utilities.exceptions import SIGTERMException

from toolkit.engine.interior import callbacks_of, is_known, why_stock
from toolkit.engine.step_graph import StepGraph
from toolkit.engine.stop import StopSignals, stop_asked
from toolkit.engine.straight import Straight

SECONDS_BETWEEN_BOUNDARIES = 0.1
"""So long the interior may go on until Lightning, and with it progress bars and timers, gets a step again."""
SECONDS_BETWEEN_AGREEMENTS = 0.5
"""The same with several processes, which have to agree on it."""


def use_fast_loop(trainer: pl.Trainer) -> None:
    """Put the loop with the straight path into a trainer; with an unknown Lightning it stays as it is."""
    if is_known():
        old = trainer.fit_loop.epoch_loop
        trainer._signal_connector = StopSignals(trainer)
        trainer.fit_loop.epoch_loop = FastEpochLoop(trainer, min_steps=old.min_steps, max_steps=old.max_steps)


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


UNSIZED = "the data does not say how many batches an epoch has"
"""Why no batch of a stream takes the straight path."""


def describe_loop(trainer: pl.Trainer, module: pl.LightningModule, *, unsized: bool = False) -> dict[str, Any]:
    """Which way the steps go, and why, for the record of a run.

    ``path`` is ``fast`` or ``stock``; ``graph`` is there where `use_step_graph` was called.

    Args:
        trainer: of the run.
        module: that it trains, or will train.
        unsized: whether the data is known not to say how many batches an epoch has, before an epoch has shown it.
    """
    loop = trainer.fit_loop.epoch_loop
    if not isinstance(loop, FastEpochLoop):
        return {"path": "stock", "why": why_stock(trainer, module) or "the trainer has a loop of its own"}
    why = loop.why or why_stock(trainer, module) or (UNSIZED if unsized else None)
    said: dict[str, Any] = {"path": "fast", "why": ""} if why is None else {"path": "stock", "why": why}
    return said if loop.graph is None else {**said, "graph": loop.graph.describe(module, why)}


class FastEpochLoop(_TrainingEpochLoop):
    """The loop over the batches of an epoch."""

    interior_steps = 0
    """How many batches took the straight path, in the epochs that have ended."""
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
        fit_loop = self.trainer.fit_loop
        if fit_loop._data_fetcher is not None:
            # Who asked for the run's length, such as a scheduler, had the loaders made before anybody knew where the
            # run goes on: they would not be told any more, and one without a length has read its first batch.
            fit_loop._data_fetcher.teardown()
            fit_loop._combined_loader = None
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
        if straight is not None:
            self.interior_steps += straight.taken

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

    def _straight(self, fetcher: _DataFetcher) -> Straight | None:
        trainer = self.trainer
        combined = fetcher.combined_loader
        self.why = why_stock(trainer, trainer.lightning_module)
        if self.why is None:
            if combined._mode != "max_size_cycle" or combined.flattened != [combined.iterables]:
                self.why = "several loaders take turns"
            elif type(fetcher) is not _PrefetchDataFetcher or fetcher.length is None:
                self.why = UNSIZED
        if self.why is not None:
            return None
        if self.graph is not None:
            self.graph.begin_epoch()
        return Straight(self, self.graph)

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


def _saving_steps(trainer: pl.Trainer) -> list[int]:
    """After how many optimizer steps Lightning's own checkpoints want to be asked."""
    return [one._every_n_train_steps for one in callbacks_of(trainer) if isinstance(one, known.ModelCheckpoint)]
