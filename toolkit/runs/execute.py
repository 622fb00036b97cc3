"""Trains and tests what was built, and writes down how it ended, whatever way it ends. Imports Lightning."""

from __future__ import annotations

import signal
import time
import traceback as tracebacks
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.exceptions import SIGTERMException

from toolkit.build import Experiment, apply_engine, build_callbacks, build_loggers, describe_optimizer, resolved
from toolkit.data import DataModule, data_module
from toolkit.engine.averaging import forget_averages
from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.checkpoints import newest_whole
from toolkit.engine.external import external_callbacks
from toolkit.engine.fast_loop import describe_loop, use_step_graph
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.stop import stop_asked
from toolkit.engine.trainer import make_trainer, processes, trainer_options
from toolkit.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, RequestError
from toolkit.hooks import LoadedHooks, load_hooks
from toolkit.recipe.grammar import STEP_GRAPH
from toolkit.runs.blame import reason_of
from toolkit.runs.errors import Interrupted, RunFailed, Terminated
from toolkit.runs.output import lasting_output
from toolkit.runs.record import met_expectations
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run, plain_metrics
from toolkit.runs.signals import Signals, Stopped, run_signals
from toolkit.tracking.folder import FAILED, FINISHED, INTERRUPTED, TERMINATED
from toolkit.tracking.redact import Redactor
from toolkit.tracking.report import graph_line, print_pair
from toolkit.tracking.resumable import start_again
from toolkit.tracking.task_pictures import TaskPictures
from toolkit.tracking.task_tables import TaskTables

STOPPED: Mapping[int, tuple[type[RunFailed], str, str]] = {
    EXIT_INTERRUPTED: (Interrupted, INTERRUPTED, "interrupted (Ctrl-C)"),
    EXIT_TERMINATED: (Terminated, TERMINATED, "terminated (SIGTERM)"),
}
"""By exit code, how a run that somebody has stopped ends: what is raised, its status, its reason."""


def execute(run: Run) -> RunResult:
    """Trains, tests with the best checkpoint, and closes a run whose folder is there.

    Args:
        run: the run; with ``resumed_from`` it goes on from that checkpoint.

    Returns:
        What the run reached.

    Raises:
        RunFailed: the run did not finish; ``run.json`` and ``logs/traceback.txt`` say why.
        RequestError: something of the recipe could not be constructed after all; nothing was trained.
    """
    hooks = load_hooks(run.experiment.checked.registry)
    for note in (*run.experiment.notes, *hooks.problems):
        run.add_note(note)

    def stops_by_itself() -> bool:
        trainer = run.trainer
        fitting = trainer is not None and trainer.state.fn == TrainerFn.FITTING
        return trainer is not None and fitting and stop_asked(trainer)

    with ExitStack() as around:
        signals = around.enter_context(run_signals(stops_by_itself))
        around.enter_context(quiet_lightning())
        around.enter_context(lasting_output())
        try:
            _set_up(run, hooks)
            run.write()
            hooks.run_started(run)
            result = _train_and_test(run)
        except BaseException as error:
            signals.ignore()
            ended = _ended(run, hooks, error, signals)
            if ended is error:
                raise
            raise ended from error
        _tell(run, hooks.run_finished(run, result), _close_loggers(run, FINISHED))
    return result


def _set_up(run: Run, hooks: LoadedHooks) -> None:
    """Makes everything that needs the run's folder: callbacks, loggers, the data module, the trainer."""
    experiment, folder = run.experiment, run.folder
    others, notes = external_callbacks()
    for note in notes:
        run.add_note(note)
    callbacks = build_callbacks(experiment, {"dirpath": str(folder.checkpoints)})
    given = {
        "save_dir": str(folder.path),
        "name": run.record["name"] or run.name,
        "version": run.id,
        "id": run.id,
    }
    loggers = build_loggers(experiment, given)
    run.data = data = make_data(experiment)
    batches, unsized = None, False
    if isinstance(data, DataModule) and "train" in data.names:
        asked = experiment.checked.trainer
        batches = data.steps("train", processes(asked) * int(asked.get("num_nodes") or 1))
        unsized = batches is None
    options = trainer_options(
        experiment,
        folder=folder.path,
        checkpoints=folder.checkpoints,
        run_id=run.id,
        callbacks=[*callbacks.values(), *others, TaskTables(experiment, folder.plots), TaskPictures(folder.plots)],
        loggers=loggers.values(),
        batches_per_epoch=batches,
    )
    hooks.trainer_options(experiment, options)
    run.trainer = make_trainer(options, experiment.recipe)
    if experiment.checked.engine.get("compile") == STEP_GRAPH:
        earlier = (run.record["loop"] or {}).get("graph") or {}
        use_step_graph(run.trainer, lambda: _tell_of_graph(run), earlier)
    run.record["loop"] = describe_loop(run.trainer, experiment.task, unsized=unsized)
    apply_engine(experiment)
    if run.resumed_from is not None:
        for logger in loggers.values():
            # A logger of ours can forget what the resumed run will log once more.
            if hasattr(logger, "cut"):
                logger.cut(run.resumed_from.next_logged_step)
    values = resolved(experiment).values
    for logger in loggers.values():
        logger.log_hyperparams(values)


def _tell_of_graph(run: Run) -> None:
    """Writes and prints what the first steps in a graph have shown, or why there are none."""
    assert run.trainer is not None
    run.write(loop=describe_loop(run.trainer, run.experiment.task))
    if run.is_main:
        print_pair("graph", graph_line(run.record["loop"]["graph"]))


def make_data(experiment: Experiment) -> pl.LightningDataModule:
    """The data module of an experiment."""
    recipe = experiment.recipe
    seed = recipe.get("seed", default=0)
    return data_module(experiment.data, experiment.checked.loader, experiment.transforms, seed)


def _train_and_test(run: Run) -> RunResult:
    trainer, data, experiment = run.trainer, run.data, run.experiment
    assert trainer is not None
    assert data is not None
    checkpoint = run.resumed_from.path if run.resumed_from is not None else None
    trainer.fit(experiment.task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    if stop_asked(trainer):
        # It came with the last batch, and the test can wait.
        raise SIGTERMException
    run.record["loop"] = describe_loop(trainer, experiment.task)
    # A run that had only its test to do still has the metrics of its last epoch.
    before = run.resumed_from.metrics if run.resumed_from is not None else {}
    metrics = {**before, **trainer.callback_metrics}
    optimizers = [_without_lr(describe_optimizer(optimizer)) for optimizer in trainer.optimizers]
    # Asked once for all processes: the first may be removing checkpoints while another looks.
    chosen = trainer.strategy.broadcast(run.tested_checkpoint())
    forget_averages(trainer)
    if chosen is not None and experiment.has_test:
        trainer.test(experiment.task, datamodule=data, ckpt_path=chosen[0].path, weights_only=True, verbose=False)
        metrics.update(trainer.callback_metrics)
    elif chosen is not None:
        experiment.task.load_state_dict(PlainCheckpointIO().load_checkpoint(chosen[0].path)["state_dict"])
    found = plain_metrics(metrics)
    tested = None
    if chosen is not None:
        tested = {"checkpoint": f"checkpoints/{chosen[0].path.name}", "which": chosen[1], "epoch": chosen[0].epoch}
    expect: Mapping[str, str] = experiment.recipe.get("expect", default={}) or {}
    run.close(
        FINISHED,
        "",
        metrics=found,
        best=run.best(),
        tested=tested,
        expect=met_expectations(expect, found),
        optimizers=optimizers,
    )
    return RunResult(
        metrics=found,
        folder=run.folder.path,
        model=experiment.model,
        status=FINISHED,
        id=run.id,
        best_checkpoint=chosen[0].path if chosen is not None else None,
    )


def _without_lr(described: dict[str, Any]) -> dict[str, Any]:
    """What is said of an optimizer at its end: its learning rate is by then what the scheduler has left of it."""
    groups = [{key: value for key, value in group.items() if key != "lr"} for group in described["groups"]]
    return {**described, "groups": groups}


def _ended(run: Run, hooks: LoadedHooks, error: BaseException, signals: Signals) -> BaseException:
    """Writes down how a run ended before its time, tells the listeners, and returns the error for the caller."""
    when = time.time()
    status, reason, kind = _sorted(error, run)
    if isinstance(error, RequestError) and run.trainer is None and run.resumed_from is None:
        # Nothing was started: a callback or a logger could not be constructed.
        if not run.launched:
            run.folder.remove()
        return error
    # What is printed ends in the logs of a job: it must hold no more secrets than the folder does.
    redactor = Redactor.from_environment()
    reason = redactor.text(reason)
    text = redactor.text("".join(tracebacks.format_exception(error)))
    try:
        run.close(status, reason, metrics=_metrics_so_far(run), best=run.best())
        if status == FAILED and run.is_main:
            run.folder.write_text(run.folder.traceback_txt, text)
        signals.listen()
        reports = hooks.run_failed(run, KeyboardInterrupt() if kind is Interrupted else error)
        _tell(run, reports, _close_loggers(run, status))
    except Stopped:
        # A second Ctrl-C ends what is left to tidy up; run.json was written before.
        signals.ignore()
    except OSError as unwritten:
        # The disk that ended the run may take not even this. What ended the run matters more.
        reason = f"{reason}; and {unwritten.filename or run.folder.shown} could not be written: {unwritten.strerror}"
    if kind is None:
        return error
    return kind(advice(run, status, reason), folder=run.folder.path, reason=reason, traceback=text, when=when)


def _sorted(error: BaseException, run: Run) -> tuple[str, str, type[RunFailed] | None]:
    """Status, reason, and what the caller is told; None to raise the error itself."""
    stopped: int | None = None
    if isinstance(error, KeyboardInterrupt) or (isinstance(error, Stopped) and error.signum == signal.SIGINT):
        stopped = EXIT_INTERRUPTED
    elif isinstance(error, (Stopped, SIGTERMException)):
        stopped = EXIT_TERMINATED
    if stopped is not None:
        kind, status, why = STOPPED[stopped]
        return status, why, kind
    reason = reason_of(error, run.experiment.checked)
    if reason is None or isinstance(error, RequestError):
        return FAILED, reason or f"{type(error).__name__}: {error}", None
    return FAILED, reason, RunFailed


def advice(run: Run, status: str, reason: str) -> str:
    """The message of a run that did not finish: why, and what to type to go on."""
    lines = [f"run {run.id} {'failed' if status == FAILED else 'was stopped'}: {reason}"]
    saved, _ = newest_whole(run.folder.checkpoints)
    if saved is not None:
        lines.append(f"To go on from its checkpoint after {saved.moment}: toolkit resume {run.id}")
    elif status == FAILED:
        lines.append(f"It has no checkpoint yet; its folder is {run.folder.shown}")
    else:
        lines.append(f"It has no checkpoint yet. To start it again: {start_again(run.folder.read_json())}")
    if status == FAILED:
        lines.append(f"The traceback is in {run.folder.shown}/logs/traceback.txt")
    return "\n".join(lines)


def _metrics_so_far(run: Run) -> dict[str, float]:
    return {} if run.trainer is None else plain_metrics(run.trainer.callback_metrics)


def _close_loggers(run: Run, status: str) -> list[str]:
    """Gives loggers what a run came to, and returns what they have to say to the user.

    Lightning's loggers know `finalize`, which it calls after the training and again after the test. Those that can do
    more, such as our own for W&B, say so by having these methods.
    """
    best, tested = run.record.get("best"), run.record.get("tested")
    summary = {f"final/{name}": value for name, value in run.record["metrics"].items()}
    if best is not None:
        summary[f"best/{best['metric']}"] = best["value"]
    lines = []
    for logger in run.loggers:
        if hasattr(logger, "log_summary"):
            logger.log_summary(summary)
        if hasattr(logger, "log_checkpoint") and tested is not None:
            logger.log_checkpoint(run.folder.path / tested["checkpoint"], [tested["which"]], tested)
        if hasattr(logger, "close"):
            logger.close(status)
        hint = logger.upload_hint() if hasattr(logger, "upload_hint") else None
        lines += [hint] if hint else []
    return lines


def _tell(run: Run, failures: Iterable[str], hints: Iterable[str]) -> None:
    """Prints what listeners failed at, which stays with the run, and what loggers want to be done now."""
    failures = list(failures)
    for line in failures:
        run.add_note(line)
    if failures:
        run.write()
    if run.is_main:
        for line in (*failures, *hints):
            print(line, flush=True)
