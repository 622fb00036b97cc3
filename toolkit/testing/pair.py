"""Two processes of one process group on this machine (gloo), started once and used by every check that needs them.

Starting them takes seconds, because each imports torch; a job takes milliseconds. Imports torch.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from toolkit.testing.check import Broken
from toolkit.testing.subject import Subject

PROCESSES = 2
START_SECONDS = 600.0
"""How long the processes may take to start: each imports torch, on a machine that may have much else to do."""
SECONDS = 300.0
"""How long a job may take."""
PATIENCE = 5.0
"""How long one process may go on after the other has failed, in seconds."""


def in_two_processes(job: str, subject: Subject, value: Any) -> list[Any]:
    """Let both processes do a job, and give what each returned.

    Args:
        job: ``module:function``, which is called with the subject's spec and ``value``.
        subject: whose component it is about.
        value: anything that can be pickled.

    Raises:
        Broken: one of them raised, or did not end.
    """
    global _pair
    if _pair is None:
        _pair = _Pair()
        atexit.register(_end)
    try:
        answers = _pair.do((list(sys.path), job, subject.spec, value))
    except BaseException:
        # One may wait for the other for ever.
        _end()
        raise
    reasons = [result for failed, result in answers if failed]
    if reasons:
        if reasons != PROCESSES * reasons[:1]:
            _end()  # they have not failed at the same place, and may not agree on what comes next
        where = "each process" if len(reasons) == PROCESSES else "one of the processes"
        raise Broken(f"in {where}: {reasons[0]}")
    return [result for _, result in answers]


_pair: _Pair | None = None


def _end() -> None:
    global _pair
    if _pair is not None:
        pair, _pair = _pair, None
        pair.end()


class _Pair:
    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="toolkit-pair-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._answers: list[queue.SimpleQueue[Any]] = []
        self._started = False
        for rank in range(PROCESSES):
            path = [each for each in sys.path if isinstance(each, str)]
            command = [
                sys.executable,
                "-c",
                f"import sys; sys.path[:] = {path!r}; from toolkit.testing.pair_jobs import serve; serve()",
                str(rank),
                str(PROCESSES),
                str(Path(self._folder.name) / "rendezvous"),
            ]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=open(Path(self._folder.name) / f"{rank}.log", "wb"),  # noqa: SIM115 (ends with the process)
                env=environment,
                # That of this process is removed when the check ends that started them.
                cwd=self._folder.name,
                start_new_session=True,
            )
            answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
            assert process.stdout is not None
            threading.Thread(target=_listen, args=(process.stdout, answers), daemon=True).start()
            self._processes.append(process)
            self._answers.append(answers)

    def do(self, job: Any) -> list[tuple[bool, Any]]:
        """Whether each process has failed, and what it returned, or why it failed. Raises `Broken` for silence."""
        if not self._started:
            self._heard(START_SECONDS, "start")
            self._started = True
        written = pickle.dumps(job)
        for process in self._processes:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended, which its silence tells too
                process.stdin.write(written)
                process.stdin.flush()
        return self._heard(SECONDS, "end")

    def _heard(self, seconds: float, what: str) -> list[tuple[bool, Any]]:
        """One answer of each process."""
        found: dict[int, tuple[bool, Any]] = {}
        deadline = time.monotonic() + seconds
        while len(found) < PROCESSES:
            for rank, answers in enumerate(self._answers):
                if rank not in found:
                    with contextlib.suppress(queue.Empty):
                        found[rank] = answers.get(timeout=0.05)
                if found.get(rank) == (True, ""):
                    raise Broken(f"process {rank} of {PROCESSES} {self._last_words(rank)}")
                if found.get(rank, (False,))[0]:
                    # The other one may wait for what this one no longer sends.
                    deadline = min(deadline, time.monotonic() + PATIENCE)
            if time.monotonic() > deadline:
                break
        if len(found) == PROCESSES:
            return [found[rank] for rank in range(PROCESSES)]
        for rank, (failed, reason) in found.items():
            if failed:
                raise Broken(f"in process {rank} of {PROCESSES}: {reason}")
        raise Broken(f"the two processes did not {what} within {seconds:g} s")

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._folder.cleanup()

    def _last_words(self, rank: int) -> str:
        log = (Path(self._folder.name) / f"{rank}.log").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        return f"ended by itself{f': {lines[-1]}' if lines else ''}"


def _listen(stdout: IO[bytes], answers: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            answers.put(pickle.load(stdout))
        except (EOFError, pickle.UnpicklingError, OSError):
            answers.put((True, ""))
            return
