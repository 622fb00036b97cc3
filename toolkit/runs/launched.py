"""Executes a run in several processes, and makes of what they leave what a run in one process returns or raises.

Imports Lightning.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.launch import Ended, launch, rank_log
from toolkit.engine.meeting import Meeting
from toolkit.engine.ranks import Ranks
from toolkit.errors import EXIT_INTERRUPTED, EXIT_REQUEST, EXIT_RUN, EXIT_TERMINATED, RequestError
from toolkit.runs.errors import RunFailed
from toolkit.runs.execute import STOPPED, advice
from toolkit.runs.output import lasting_output
from toolkit.runs.rank import CALL, account, forget_accounts
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run
from toolkit.runs.signals import Stopped, run_signals
from toolkit.tracking.folder import FAILED, FINISHED, RunFolder

SHOWN_LINES = 40
"""How much of a log stands for the traceback of a process that left none."""


def execute_in_processes(run: Run, ranks: Sequence[Ranks], meeting: Meeting | None = None) -> RunResult:
    """Executes a run whose folder is there in several processes.

    Args:
        run: built here for its errors and its model; each process builds it once more, from the run's folder.
        ranks: the processes that are started here, rank 0 among them.
        meeting: the connections with the programs that start the others, where there are any.

    Returns:
        As `execute`: the result as the folder has it, and the model with the weights that were tested.

    Raises:
        RunFailed: a process failed; the message is that of the first that did.
        RequestError: the recipe does not go with so many processes.
    """
    folder = run.folder
    forget_accounts(folder)
    arguments = call_arguments(folder, run.recipe.allow_code, resumed_from(run))
    with run_signals(lambda: False) as signals, lasting_output():
        try:
            ended = launch(
                CALL,
                arguments,
                ranks=ranks,
                logs=folder.logs,
                account=lambda rank: account(folder, rank),
                meeting=meeting,
            )
        except Stopped as stop:
            signals.ignore()
            code = EXIT_INTERRUPTED if stop.signum == signal.SIGINT else EXIT_TERMINATED
            raise _failed(run, code, "", "") from None
    first = first_failure(folder, ended)
    if first is not None:
        raise _failed(run, *first)
    forget_accounts(folder)
    return finished_result(run)


def call_arguments(folder: RunFolder, allow_code: bool, checkpoint: str) -> list[str]:
    """What a process is told of the run it belongs to."""
    return [str(folder.path), "allow-code" if allow_code else "", checkpoint]


def resumed_from(run: Run) -> str:
    """The name of the checkpoint that a run goes on from, or an empty string."""
    return run.resumed_from.path.name if run.resumed_from is not None else ""


def first_failure(folder: RunFolder, ended: Sequence[Ended]) -> tuple[int, str, str] | None:
    """Exit code, reason and traceback of the process that failed before the others; None where none did.

    One that ended without a word comes first, because what the others say then is that they lost it. Of the rest the
    one that raised first counts, not the one that ended first.
    """
    failed = [one for one in ended if one.failed]
    # Who was asked to end says nothing of why.
    silent = [one for one in failed if not one.asked and not one.account]
    told = [one for one in failed if one.account and not (one.asked and one.account["code"] == EXIT_TERMINATED)]
    # Libraries abort a process that waits for one that is gone: there a word, if there is one, says more.
    cause = next((one for one in silent if one.code != -signal.SIGABRT or not told), None)
    if cause is None and told:
        cause = min(told, key=lambda one: float(one.account["when"]))
    if cause is None:
        cause = next(iter(failed), None)
    if cause is None:
        return None
    if cause.account:
        says = cause.account
        return int(says["code"]), f"rank {cause.rank}: {says['reason']}", str(says["traceback"])
    return EXIT_RUN, _without_a_word(cause), _end_of_log(folder, cause.rank)


def _without_a_word(one: Ended) -> str:
    log = f"see logs/rank-{one.rank}.log"
    if one.lost:
        return f"rank {one.rank} is gone together with the program that watched over it; {log}"
    if one.code < 0:
        name = signal.Signals(-one.code).name
        hint = "; the system may have run out of memory" if name == "SIGKILL" else f"; {log}"
        return f"rank {one.rank} was killed ({name}{hint})"
    return f"rank {one.rank} ended before the run did, with exit code {one.code}; {log}"


def _end_of_log(folder: RunFolder, rank: int) -> str:
    """The last lines of a process's log, in place of a traceback: a crash inside a library is told there."""
    path = rank_log(folder.logs, rank)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
    except OSError:
        lines = []
    said = "\n".join(lines) or "(nothing)"
    return f"Rank {rank} left no traceback. The end of logs/{path.name}:\n{said}\n"


def _failed(run: Run, code: int, reason: str, traceback: str) -> Exception:
    """The error for the caller; the folder says the same."""
    folder = run.folder
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        kind, status, reason = STOPPED[code]
        _close(run, status, reason)
        return kind(advice(run, status, reason), folder=folder.path, reason=reason, traceback="")
    if code == EXIT_REQUEST and run.resumed_from is None:
        # Nothing was started: a callback, a logger or the trainer could not be made.
        folder.remove()
        return RequestError(reason)
    _close(run, FAILED, reason)
    if traceback:
        folder.write_text(folder.traceback_txt, traceback)
    if code == EXIT_REQUEST:
        return RequestError(reason)
    return RunFailed(advice(run, FAILED, reason), folder=folder.path, reason=reason, traceback=traceback)


def _close(run: Run, status: str, reason: str) -> None:
    """Writes how a run ended: rank 0, if it has written anything, may have written what it saw of another's end."""
    run.record = run.folder.read_json()
    sessions = run.record["sessions"]
    if sessions and sessions[-1]["started"] == run.record["started"]:
        last = {**sessions[-1], "status": status, "reason": reason}
        run.write(status=status, reason=reason, sessions=[*sessions[:-1], last])
    else:
        run.close(status, reason)


def finished_result(run: Run) -> RunResult:
    """What a finished run has come to, as its folder has it, and its model with the weights that were tested."""
    record: dict[str, Any] = run.folder.read_json()
    tested = record.get("tested")
    checkpoint = run.folder.path / tested["checkpoint"] if tested else None
    if checkpoint is not None:
        run.experiment.task.load_state_dict(PlainCheckpointIO().load_checkpoint(checkpoint)["state_dict"])
    return RunResult(
        metrics={name: float(value) for name, value in record["metrics"].items()},
        folder=run.folder.path,
        model=run.experiment.model,
        status=FINISHED,
        id=run.id,
        best_checkpoint=checkpoint,
    )
