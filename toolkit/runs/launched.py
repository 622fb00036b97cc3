"""Executes a run in several processes, and makes of what they leave what a run in one process returns or raises.

Imports Lightning.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.launch import Ended, launch
from toolkit.errors import EXIT_INTERRUPTED, EXIT_REQUEST, EXIT_TERMINATED, RequestError
from toolkit.runs.errors import RunFailed
from toolkit.runs.execute import STOPPED, advice
from toolkit.runs.rank import CALL, forget_outcomes, outcome
from toolkit.runs.result import RunResult
from toolkit.runs.run import Run
from toolkit.runs.signals import Stopped, run_signals
from toolkit.tracking.folder import FAILED, FINISHED, RunFolder

_LAUNCHERS = ("TORCHELASTIC_RUN_ID", "LOCAL_RANK", "SLURM_PROCID")


def refuse_launchers(environ: Mapping[str, str] = os.environ) -> None:
    """Raises RequestError where something else has started several processes of this program already."""
    found = next((name for name in _LAUNCHERS if name in environ), None)
    if found is not None and int(environ.get("WORLD_SIZE") or environ.get("SLURM_NTASKS") or 1) > 1:
        raise RequestError(
            f"trainer.devices: this process was started by a launcher ({found} is set), and the toolkit starts its "
            "processes itself. Call `toolkit run` once, without torchrun or srun."
        )


def execute_in_processes(run: Run, processes: int) -> RunResult:
    """Executes a run whose folder is there in several processes of this machine.

    Args:
        run: built here for its errors and its model; each process builds it once more, from the run's folder.
        processes: how many.

    Returns:
        As `execute`: the result as the folder has it, and the model with the weights that were tested.

    Raises:
        RunFailed: a process failed; the message is that of the first that did.
        RequestError: the recipe does not go with so many processes.
    """
    folder = run.folder
    forget_outcomes(folder)
    checkpoint = run.resumed_from.path.name if run.resumed_from is not None else ""
    arguments = [str(folder.path), "allow-code" if run.recipe.allow_code else "", checkpoint]
    with run_signals(lambda: False) as signals:
        try:
            ended = launch(CALL, arguments, processes=processes, logs=folder.logs)
        except Stopped as stop:
            signals.ignore()
            code = EXIT_INTERRUPTED if stop.signum == signal.SIGINT else EXIT_TERMINATED
            raise _failed(run, code, "", "") from None
    first = first_failure(folder, ended)
    if first is not None:
        raise _failed(run, *first)
    return _result(run)


def first_failure(folder: RunFolder, ended: Sequence[Ended]) -> tuple[int, str, str] | None:
    """Exit code, reason and traceback of the process that failed before the others; None where none did.

    A process that was killed comes first, because what the others say then is that they lost it. Of the rest the one
    that raised first counts, not the one that ended first.
    """
    for one in ended:
        if one.code < 0 and not one.asked:
            name = signal.Signals(-one.code).name
            hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
            return 3, f"rank {one.rank} was killed ({name}{hint})", ""
    told = [(one, outcome(folder, one.rank)) for one in ended if one.code != 0]
    if not told:
        return None
    # Who was asked to end says nothing of why.
    meant = [(one, says) for one, says in told if says and not (one.asked and says["code"] == EXIT_TERMINATED)]
    if not meant:
        one = told[0][0]
        return one.code, f"rank {one.rank} ended with exit code {one.code}; see logs/rank-{one.rank}.log", ""
    one, says = min(meant, key=lambda pair: float(pair[1]["when"]))
    return int(says["code"]), f"rank {one.rank}: {says['reason']}", str(says["traceback"])


def _failed(run: Run, code: int, reason: str, traceback: str) -> Exception:
    """The error for the caller; the folder says the same."""
    folder = run.folder
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        kind, status, reason = STOPPED[code]
        run.record = folder.read_json()
        run.write(status=status, reason=reason)
        return kind(advice(run, status, reason), folder=folder.path, reason=reason, traceback="")
    if code == EXIT_REQUEST and run.resumed_from is None:
        # Nothing was started: a callback, a logger or the trainer could not be made.
        folder.remove()
        return RequestError(reason)
    run.record = folder.read_json()
    run.write(status=FAILED, reason=reason)
    if traceback:
        folder.write_text(folder.traceback_txt, traceback)
    if code == EXIT_REQUEST:
        return RequestError(reason)
    return RunFailed(advice(run, FAILED, reason), folder=folder.path, reason=reason, traceback=traceback)


def _result(run: Run) -> RunResult:
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
