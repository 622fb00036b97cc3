"""Starts the processes of a distributed run on this machine and watches over them. Imports nothing heavy.

Lightning's own launcher starts the user's script once more for every process; here each is a worker that knows nothing
but the run's folder, and the program that asked for the run is never executed again.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from toolkit.tracking.redact import Redactor

GRACE_SECONDS = 20
"""How long processes that were asked to end may take before they are killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one process ended."""

    rank: int
    code: int
    """Its exit code; negative for the signal that ended it."""
    asked: bool
    """Whether it was asked to end, because another had failed."""


def rank_log(logs: Path, rank: int) -> Path:
    """Where the output of a process goes."""
    return logs / f"rank-{rank}.log"


def launch(call: str, arguments: Sequence[str], *, processes: int, logs: Path) -> list[Ended]:
    """Run ``call`` in several processes that find each other over the loopback interface, and wait for all of them.

    The output of each goes to ``logs/rank-N.log``, redacted; that of the first also to this program's. When one fails
    the others are asked to end (SIGTERM) and, after 20 s, killed. They end with this process, however it ends.

    Args:
        call: ``module:function``, called with ``arguments`` in each process; it returns the exit code.
        arguments: strings.
        processes: how many.
        logs: the folder of the logs.

    Returns:
        How each process ended, in the order they ended in.

    Raises:
        BaseException: what interrupted the waiting, such as a signal's; it was passed on to the processes.
    """
    group = _Group(call, arguments, processes, logs)
    try:
        return group.wait()
    except BaseException as stop:
        # A signal's number, where the exception has one: ranks end a SIGTERM in better order than a SIGINT.
        group.stop(getattr(stop, "signum", signal.SIGTERM))
        raise


class _Group:
    def __init__(self, call: str, arguments: Sequence[str], processes: int, logs: Path) -> None:
        port = _free_port()
        threads = max(1, (os.cpu_count() or 1) // processes)
        self._redactor = Redactor.from_environment()
        self._logs = logs
        self._ended: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self._asked = False
        for rank in range(processes):
            environment = {
                "OMP_NUM_THREADS": str(threads),
                **os.environ,
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "WORLD_SIZE": str(processes),
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "NODE_RANK": "0",
                "PYTHONUNBUFFERED": "1",
            }
            process = subprocess.Popen(
                [sys.executable, "-m", "toolkit.engine.worker", call, *arguments],
                env=environment,
                # Open for as long as this process lives: its end tells a worker that nobody watches over it any more.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # Ctrl-C at the terminal goes to this process alone, which passes it on once.
                start_new_session=True,
            )
            self._processes.append(process)
            assert process.stdout is not None
            reader = threading.Thread(target=self._read, args=(rank, process.stdout), daemon=True)
            reader.start()
            self._readers.append(reader)
            threading.Thread(target=self._await, args=(rank, process), daemon=True).start()

    def wait(self) -> list[Ended]:
        ended: list[Ended] = []
        deadline: float | None = None
        while len(ended) < len(self._processes):
            try:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                rank, code = self._ended.get(timeout=left)
            except queue.Empty:
                self._signal(signal.SIGKILL)
                deadline = None
                continue
            ended.append(Ended(rank, code, self._asked))
            if code != 0 and not self._asked:
                self._asked = True
                self._signal(signal.SIGTERM)
                deadline = time.monotonic() + GRACE_SECONDS
        for reader in self._readers:
            reader.join()
        return ended

    def stop(self, signum: int) -> None:
        """Passes a signal on, and kills what is left after the time of grace."""
        self._signal(signum)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                process.wait()
        for reader in self._readers:
            reader.join()

    def _signal(self, signum: int) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signum)

    def _await(self, rank: int, process: subprocess.Popen[str]) -> None:
        self._ended.put((rank, process.wait()))

    def _read(self, rank: int, output: IO[str]) -> None:
        with rank_log(self._logs, rank).open("a", encoding="utf-8") as log:
            for line in output:
                text = self._redactor.text(line)
                log.write(text)
                log.flush()
                if rank == 0:
                    sys.stdout.write(text)
                    sys.stdout.flush()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
