"""Starts processes of a distributed run on this machine and watches over all of them. Imports nothing heavy.

Lightning's own launcher starts the user's script once more for every process; here each is a worker that knows nothing
but the run's folder, and the program that asked for the run is never executed again. Where torchrun or srun has started
that program several times, each of them starts one worker, and they tell each other how it fares
(`toolkit.engine.meeting`).
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from toolkit.engine.meeting import Event, Meeting
from toolkit.engine.ranks import SRUN, Ranks
from toolkit.tracking.redact import Redactor

GRACE_SECONDS = 20
"""How long processes may take to end before they are killed, when another has failed."""

SAVING_SECONDS = 300
"""The same when somebody wants the run to end, which saves a checkpoint first."""

REPORT_SECONDS = 5
"""How long after that the programs of other machines may take to say so."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one process ended."""

    rank: int
    code: int
    """Its exit code; negative for the signal that ended it."""
    asked: bool
    """Whether it was asked to end, because another had failed."""
    account: Mapping[str, Any] = field(default_factory=dict)
    """What it has left to say of its end; empty for one that ended without having done its part."""
    lost: bool = False
    """Whether the program that watched over it is gone, and the process with it; then there is no exit code."""

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should."""
        return self.lost or self.code != 0 or not self.account


def rank_log(logs: Path, rank: int) -> Path:
    """Where the output of a process goes."""
    return logs / f"rank-{rank}.log"


def launch(
    call: str,
    arguments: Sequence[str],
    *,
    ranks: Sequence[Ranks],
    logs: Path,
    account: Callable[[int], Mapping[str, Any]],
    meeting: Meeting | None = None,
) -> list[Ended]:
    """Run ``call`` in a process for each of ``ranks``, and wait for all of the run's processes, or for the own ones.

    The output of each goes to ``logs/rank-N.log``, redacted; that of rank 0 also to this program's. When one fails the
    others are asked to end (SIGTERM) and, after 20 s, killed. They end with this process, however it ends. A SIGTERM
    to this process is passed on, and they have five minutes to save.

    Args:
        call: ``module:function``, called with ``arguments`` in each process; it returns the exit code.
        arguments: strings.
        ranks: which of the run's processes are started here.
        logs: the folder of the logs.
        account: what the process of a rank has left to say of its end, once it has ended; see `Ended`.
        meeting: the connections with the programs that start the others, where there are any. Rank 0's program hears
            from all of them how their processes end, the others tell it.

    Returns:
        How each process ended, in the order they ended in: all of them where rank 0 is, else those that were started
        here.

    Raises:
        BaseException: what interrupted the waiting, such as a signal's; it was passed on to the processes.
    """
    group = _Group(call, arguments, ranks, logs, account, meeting)
    try:
        return group.wait()
    except BaseException as stop:
        # A signal's number, where the exception has one: ranks end a SIGTERM in better order than a SIGINT.
        group.stop(getattr(stop, "signum", signal.SIGTERM))
        raise


class _Group:
    def __init__(
        self,
        call: str,
        arguments: Sequence[str],
        ranks: Sequence[Ranks],
        logs: Path,
        account: Callable[[int], Mapping[str, Any]],
        meeting: Meeting | None,
    ) -> None:
        self._redactor = Redactor.from_environment()
        self._logs = logs
        self._account = account
        self._meeting = meeting
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue() if meeting is None else meeting.events
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._asked = False
        self._how: tuple[int, float] = (signal.SIGTERM, GRACE_SECONDS)
        """The signal by which all are asked to end, and how long they may take."""
        self._ended: list[Ended] = []
        leads = any(one.rank == 0 for one in ranks)
        self._pending = set(range(ranks[0].world_size)) if leads else {one.rank for one in ranks}
        for one in ranks:
            self._start(one, [sys.executable, "-m", "toolkit.engine.worker", call, *arguments])

    def wait(self) -> list[Ended]:
        deadlines: list[float] = []
        while self._pending:
            event = self._next(deadlines[0] if deadlines else None)
            if event is None:
                deadlines.pop(0)
                self._signal(signal.SIGKILL)
                if not deadlines:
                    # Nobody who could tell is left.
                    self._ended += [Ended(rank, 0, True, lost=True) for rank in sorted(self._pending)]
                    self._pending.clear()
            elif self._is_bad_news(*event) and not self._asked:
                deadlines = self._ask_all()
        self._read_the_rest()
        return self._ended

    def stop(self, signum: int) -> None:
        """Passes a signal on, and kills what is left after the time of grace."""
        self._how = (signum, SAVING_SECONDS if signum == signal.SIGTERM else GRACE_SECONDS)
        for deadline in self._ask_all():
            while self._pending and (event := self._next(deadline)) is not None:
                self._is_bad_news(*event)
            self._signal(signal.SIGKILL)
        self._read_the_rest()

    def _read_the_rest(self) -> None:
        for reader in self._readers:
            # Not for ever: a process of a process that was killed may hold the other end open.
            reader.join(REPORT_SECONDS)

    def _next(self, deadline: float | None) -> Event | None:
        """The next event; None at the deadline."""
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def _is_bad_news(self, rank: int, message: Mapping[str, Any] | None) -> bool:
        """Takes in an event, and tells whether it means that all have to end."""
        if message is None:
            if rank in self._pending:
                return self._take(Ended(rank, 0, self._asked, lost=True))
            return rank == 0
        if "stop" in message:
            self._how = (message["stop"], message["seconds"])
            return True
        if rank not in self._pending or "ended" not in message:
            return False
        if rank not in self._processes:
            return self._take(Ended(rank, message["ended"], message["asked"], message["account"]))
        ended = Ended(rank, message["ended"], self._asked, dict(self._account(rank)))
        if self._meeting is not None and 0 not in self._processes:
            self._meeting.tell(ended=ended.code, asked=ended.asked, account=ended.account)
        return self._take(ended)

    def _take(self, ended: Ended) -> bool:
        self._pending.discard(ended.rank)
        self._ended.append(ended)
        return ended.failed

    def _ask_all(self) -> list[float]:
        """Asks all processes to end; returns when those here are killed, and when nobody is waited for any more."""
        self._asked = True
        signum, seconds = self._how
        self._signal(signum)
        if self._meeting is not None and 0 in self._processes:
            self._meeting.tell(stop=int(signum), seconds=seconds)
        now = time.monotonic()
        return [now + seconds, now + seconds + REPORT_SECONDS]

    def _signal(self, signum: int) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signum)

    def _start(self, ranks: Ranks, command: Sequence[str]) -> None:
        process = subprocess.Popen(
            command,
            env=_environment(ranks),
            # Open for as long as this process lives: its end tells a worker that nobody watches over it any more.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C at the terminal goes to this process alone, which passes it on once.
            start_new_session=True,
        )
        self._processes[ranks.rank] = process
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(ranks.rank, process.stdout), daemon=True)
        reader.start()
        self._readers.append(reader)
        threading.Thread(target=self._await, args=(ranks.rank, process), daemon=True).start()

    def _await(self, rank: int, process: subprocess.Popen[str]) -> None:
        self._events.put((rank, {"ended": process.wait()}))

    def _read(self, rank: int, output: IO[str]) -> None:
        with rank_log(self._logs, rank).open("a", encoding="utf-8") as log:
            for line in output:
                text = self._redactor.text(line)
                log.write(text)
                log.flush()
                if rank == 0:
                    sys.stdout.write(text)
                    sys.stdout.flush()


def _environment(ranks: Ranks) -> dict[str, str]:
    """The environment of one process: as it is here, with its own rank, and without what torchrun says of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TORCHELASTIC_")}
    return {
        "OMP_NUM_THREADS": str(_threads(ranks)),
        **inherited,
        **ranks.environment(),
        "PYTHONUNBUFFERED": "1",
    }


def _threads(ranks: Ranks) -> int:
    """How many threads leave every process of the machine its share."""
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    if ranks.launcher == SRUN and usable < cores:
        return usable  # srun has given each process cores of its own
    return max(1, usable // ranks.local_world_size)
