"""Carries out a run with the processes there are: this one, some that it starts, or those that a launcher has started.

Under torchrun or srun every process comes here. Rank 0 makes the run's folder and tells the others where it is; each
starts one worker and watches over it, so that what becomes of a worker is known whatever way it ends. Imports
Lightning.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.engine.launch import launch
from toolkit.engine.meeting import Meeting, interface
from toolkit.engine.ranks import Ranks, ToldByRankZero, find_ranks, free_port, ranks_here
from toolkit.engine.trainer import processes
from toolkit.errors import EXIT_BUG, EXIT_DONE, EXIT_INTERRUPTED, EXIT_RUN, RequestError, ToolkitError
from toolkit.runs.batch_size import answer_rank_0
from toolkit.runs.errors import Terminated
from toolkit.runs.execute import execute
from toolkit.runs.job import SLURM, Job, find_job, requeue
from toolkit.runs.launched import call_arguments, execute_in_processes, resumed_from
from toolkit.runs.output import lasting_output
from toolkit.runs.rank import CALL, account
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run
from toolkit.runs.signals import Signals, Stopped, run_signals
from toolkit.tracking.folder import FINISHED, RunFolder

_SHARED_SECONDS = 60
"""How long a folder that one machine has made may take to be seen on another: file servers remember what was not."""


@dataclass(frozen=True)
class Crew:
    """What somebody else has decided of a run's processes."""

    ranks: Ranks | None = None
    """Those of a launcher; None where there is none, and the recipe says how many there are."""
    meeting: Meeting | None = None
    """This process's connections with the others of the launcher."""
    job: Job | None = None
    """The job of a scheduler that all this is part of."""


Begin = Callable[[Crew], Run | RunResult]
"""Makes the run, folder and all; or finds that nothing is left to do."""


def carry_out(begin: Begin, *, allow_code: bool) -> RunResult:
    """Make a run and execute it, in as many processes as it is to have; in a job of SLURM, see that it comes back.

    Args:
        begin: called in one process only, whichever launcher there is.
        allow_code: whether code named directly in the recipe may be run.

    Returns:
        The run's result; without a model in the processes of a launcher other than rank 0.

    Raises:
        ToolkitError: as `begin` and `execute` do; in the other processes of a launcher, `ToldByRankZero`.
    """
    ranks, job = find_ranks(), find_job()
    if ranks is not None and ranks.rank != 0:
        return _follow(ranks, allow_code)
    try:
        if ranks is not None:
            return _lead(begin, ranks, job)
        run = begin(Crew(job=job))
        if isinstance(run, RunResult):
            return run
        count = processes(run.experiment.checked.trainer)
        return execute(run) if count == 1 else execute_in_processes(run, ranks_here(count))
    except Terminated as error:
        if job is not None and job.scheduler == SLURM:
            _bring_back(job, RunFolder(error.folder))
        raise


def refuse_launchers(what: str) -> None:
    """Raises RequestError where a launcher has started several processes of something that works in one."""
    ranks = find_ranks()
    if ranks is not None:
        raise RequestError(f"{what} works in one process; call it once, without {ranks.launcher}")


def _bring_back(job: Job, folder: RunFolder) -> None:
    line = requeue(job)
    if line is not None:
        folder.update_json(job={**job.record(), "requeued": True})
        print(line, flush=True)


def _lead(begin: Begin, ranks: Ranks, job: Job | None) -> RunResult:
    """What rank 0 does."""
    meeting = Meeting(ranks)
    try:
        run = begin(Crew(ranks, meeting, job))
        if isinstance(run, RunResult):
            result = run
        else:
            meeting.gather()
            # A port of their own: the launcher's is taken, by its store or by this program.
            port = free_port(interface(ranks))
            meeting.tell(run=str(run.folder.path), port=port, checkpoint=resumed_from(run))
            result = execute_in_processes(run, [replace(ranks, port=port)], meeting)
        meeting.tell(end=EXIT_DONE, run=str(result.folder))
    except BaseException as error:
        meeting.tell(end=_code(error), reason=str(error))
        raise
    finally:
        meeting.close()
    return result


def _code(error: BaseException) -> int:
    if isinstance(error, ToolkitError):
        return error.exit_code
    return EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXIT_BUG


def _follow(ranks: Ranks, allow_code: bool) -> RunResult:
    """What every other rank does."""
    meeting = Meeting(ranks)
    try:
        with run_signals(lambda: False) as signals, lasting_output():
            told = _hear(meeting, "run", "end", "fits")
            if "fits" in told:
                answer_rank_0(told, ranks, allow_code, meeting)
                told = _hear(meeting, "run", "end")
            if "end" not in told:
                _work(ranks, told, allow_code, meeting, signals)
                told = _hear(meeting, "end")
    except Stopped as stop:
        raise ToldByRankZero("was told to end before the run began", 128 + stop.signum) from None
    finally:
        meeting.close()
    if told["end"] != EXIT_DONE:
        raise ToldByRankZero(str(told["reason"]), int(told["end"]))
    folder = RunFolder(Path(told["run"]))
    content = folder.read_json()
    tested = content.get("tested")
    return RunResult(
        metrics={name: float(value) for name, value in content["metrics"].items()},
        folder=folder.path,
        model=None,
        status=FINISHED,
        id=folder.id,
        best_checkpoint=folder.path / tested["checkpoint"] if tested else None,
    )


def _work(ranks: Ranks, told: Mapping[str, Any], allow_code: bool, meeting: Meeting, signals: Signals) -> None:
    """Executes this rank's part of a run, and lets rank 0 know how it ended."""
    folder = RunFolder(Path(told["run"]))
    _must_be_seen(folder)
    try:
        launch(
            CALL,
            call_arguments(folder, allow_code, told["checkpoint"]),
            ranks=[replace(ranks, port=told["port"])],
            logs=folder.logs,
            account=lambda rank: account(folder, rank),
            meeting=meeting,
        )
    except Stopped:
        # The worker has ended, which rank 0 was told. What that means for the run, it says.
        signals.ignore()


def _hear(meeting: Meeting, *keys: str) -> Mapping[str, Any]:
    """The next message of rank 0 with one of ``keys``.

    Raises:
        ToldByRankZero: there will be none.
    """
    while True:
        try:
            _, message = meeting.events.get(block=not meeting.gone)
        except queue.Empty:
            message = None
        if message is None:
            raise ToldByRankZero("rank 0 is gone", EXIT_RUN)
        if any(key in message for key in keys):
            return message


def _must_be_seen(folder: RunFolder) -> None:
    deadline = time.monotonic() + _SHARED_SECONDS
    while not folder.run_json.is_file():
        if time.monotonic() > deadline:
            raise RequestError(
                f"rank 0 has made the run's folder {folder.path}, which is not on this machine. All machines must "
                "share the folder of runs; TOOLKIT_RUNS says where it is"
            )
        time.sleep(0.5)
