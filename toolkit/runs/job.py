"""The job of a scheduler that a run is part of: which one it is, and how it comes back after an end.

Imports nothing heavy.

A job that is started again (SLURM's requeue, torchrun's elastic restart) runs the same command once more. By the job's
own id the run that it has begun is found again.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.tracking.folder import this_process

SLURM = "slurm"
TORCHRUN = "torchrun"

_SCONTROL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Job:
    """A job, as its scheduler names it."""

    scheduler: str
    """``slurm`` or ``torchrun``."""
    id: str
    """For SLURM the job's id and step, and its cluster; for torchrun its ``--rdzv-id``, or what stands for it."""
    restarted: bool
    """Whether the scheduler says that it has started the job before."""
    requeued_as: str = ""
    """How ``scontrol requeue`` names it; empty for torchrun."""

    def __str__(self) -> str:
        return f"{self.scheduler} job {self.id}"

    @property
    def letters(self) -> random.Random:
        """What the letters in the id of the job's run are drawn from, so that they tell the job."""
        return random.Random(str(self))

    def record(self) -> dict[str, Any]:
        """What ``run.json`` keeps of it."""
        return {"scheduler": self.scheduler, "id": self.id}

    def is_of(self, record: Mapping[str, Any]) -> bool:
        """Whether a run, by its ``run.json``, was begun in this job."""
        job = record.get("job") or {}
        return (job.get("scheduler"), job.get("id")) == (self.scheduler, self.id)

    def comes_back_to(self, record: Mapping[str, Any]) -> bool:
        """Whether this is the job of a run once more, and not another command in it.

        Within an interactive job, or in a script, the same command may well be typed twice. So SLURM must have said
        that the job was started again, or the run that it was to be; torchrun has an id of its own for every command.
        """
        requeued = bool((record.get("job") or {}).get("requeued"))
        return self.is_of(record) and (self.restarted or requeued or self.scheduler == TORCHRUN)


def find_job(environ: Mapping[str, str] = os.environ) -> Job | None:
    """The job that this process is part of; SLURM's where torchrun runs inside one."""
    elastic = int(environ.get("TORCHELASTIC_RESTART_COUNT") or 0) > 0
    if environ.get("SLURM_JOB_ID"):
        number = environ["SLURM_JOB_ID"]
        array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
        cluster = environ.get("SLURM_CLUSTER_NAME")
        return Job(
            scheduler=SLURM,
            id=f"{number}.{environ.get('SLURM_STEP_ID', 'batch')}" + (f" on {cluster}" if cluster else ""),
            restarted=elastic or int(environ.get("SLURM_RESTART_COUNT") or 0) > 0,
            # The id of an array's last task is that of the array, and would bring back all of its tasks.
            requeued_as=f"{array}_{task}" if array and task else number,
        )
    if "TORCHELASTIC_RUN_ID" in environ:
        given = environ["TORCHELASTIC_RUN_ID"]
        return Job(TORCHRUN, given if given not in ("", "none") else _agent(), elastic)
    return None


def requeue(job: Job) -> str | None:
    """Asks SLURM to start a job again that it has told to end; what came of it in a line, None where it is not to be.

    A job that somebody has cancelled is told to end in the same way. It must not come back, and does not.
    """
    if _was_cancelled(job):
        return None
    command = ["scontrol", "requeue", job.requeued_as]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SCONTROL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"SLURM was not asked to start job {job.requeued_as} again: {error}"
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        return f"SLURM does not start job {job.requeued_as} again: {why}"
    return f"SLURM starts job {job.requeued_as} again; it goes on in the same folder"


def _was_cancelled(job: Job) -> bool:
    """Whether a job is ending although neither its time is over nor a machine was lost.

    SLURM (22.05) calls a cancelled job `COMPLETING` and gives no reason; one over its limit has `TimeLimit`. One that
    SLURM itself puts back into the queue looks the same, and needs no help.
    """
    if shutil.which("squeue") is None:
        return False
    command = ["squeue", "--noheader", "--jobs", job.requeued_as, "--format", "%T %r"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SCONTROL_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() in (["COMPLETING", "None"], ["CANCELLED", "None"])


def _agent() -> str:
    """What tells one torchrun command from others where it was given no id: its process, which lasts over restarts."""
    parent = this_process(os.getppid())
    return f"{socket.gethostname()} {parent['pid']} {parent['started']}"
