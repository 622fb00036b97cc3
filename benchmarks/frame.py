"""What all measurements share: turns, fresh processes, repeated measurements and the rule that discards one.

Imports nothing heavy: what is measured is imported in the processes that measure it.

Words: in a *round* every variant is rebuilt and timed once, so that a busy machine slows all of them alike; each round
begins with another variant. A *measurement* is several rounds in one fresh process (or in fresh processes for every
variant, where a module says so). Ratios are taken between medians inside one measurement; what is published is the
median of the ratios of several measurements, and their range.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import pty
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.table import Table

ROOT = Path(__file__).parent.parent
LARGEST_SPREAD = 0.10
"""A measurement is discarded whole when the rounds of its baseline spread by more than this share of their median."""

STATUS = Path("/proc/self/status")
"""Where Linux says how much memory a process takes."""
NO_STATUS = "Only Linux says how much memory a process has taken."

Rounds = dict[str, list[float]]
"""By variant one number for every round."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured."""

    rounds: int | None = None
    """Rounds of a measurement; None for each module's own number."""
    measurements: int = 3
    tiny: bool = False
    """One short round of everything, in this process where that is possible: to see that it works."""

    def rounds_or(self, usual: int) -> int:
        return 1 if self.tiny else self.rounds or usual


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every measurement."""
    parser.add_argument("--rounds", type=int, help="rounds of a measurement")
    parser.add_argument("--measurements", type=int, default=3, help="measurements that are kept (3)")
    parser.add_argument("--tiny", action="store_true", help="one short round: does it work? Its numbers mean nothing")


def settings_of(options: argparse.Namespace) -> Settings:
    return Settings(options.rounds, 1 if options.tiny else options.measurements, options.tiny)


def main(doc: str | None, tables: Callable[[Settings], Iterable[Table]]) -> None:
    """The command line of one module: measures, and prints its tables."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    settings = settings_of(parser.parse_args())
    if settings.tiny:
        print("--tiny: the numbers mean nothing.\n")
    for table in tables(settings):
        print(f"{table}\n", flush=True)


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def interleaved(variants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each variant returns in each round."""
    names = list(variants)
    found: dict[str, list[Any]] = {name: [] for name in names}
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            gc.collect()
            found[name].append(variants[name]())
    return found


def flat(found: Mapping[str, Sequence[Mapping[str, float]]]) -> Rounds:
    """What variants that measure several things at once returned: each thing a variant, called ``thing/variant``."""
    return {
        f"{what}/{variant}": [one[what] for one in rounds] for variant, rounds in found.items() for what in rounds[0]
    }


def spread(values: Sequence[float]) -> float:
    """The middle half of the values, as a share of their median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / middle


@dataclass
class Measured:
    """The measurements that were kept, and the spreads of the baseline in those that were not."""

    kept: list[Rounds] = field(default_factory=list)
    discarded: list[float] = field(default_factory=list)

    def values(self, name: str) -> list[float]:
        """The median of a variant in each measurement."""
        return [statistics.median(rounds[name]) for rounds in self.kept]

    def ratios(self, name: str, to: str) -> list[float]:
        """The ratio of two variants inside each measurement."""
        return [one / other for one, other in zip(self.values(name), self.values(to), strict=True)]


def repeated(measure: Callable[[], Rounds], baseline: str, settings: Settings, what: str) -> Measured:
    """Measures until enough measurements are kept, at most twice as often as that.

    Args:
        measure: one measurement.
        baseline: the variant by whose spread a measurement is kept or discarded.
        settings: how many.
        what: for the line on standard error that says how far it has come.
    """
    measured = Measured()
    while len(measured.kept) < settings.measurements:
        attempt = len(measured.kept) + len(measured.discarded) + 1
        if attempt > 2 * settings.measurements:
            break
        print(f"{what}: measurement {attempt}", file=sys.stderr, flush=True)
        rounds = measure()
        found = spread(rounds[baseline])
        if found > LARGEST_SPREAD:
            measured.discarded.append(found)
        else:
            measured.kept.append(rounds)
    return measured


def call(target: str, *arguments: Any, threads: int = 1, processes: int = 1, fresh: bool = True) -> Any:
    """What a function returns in a fresh process with a terminal of its own, or in several that find each other.

    Args:
        target: ``module:function``; its arguments and its result are JSON.
        arguments: for the function.
        threads: of each process.
        processes: how many; the result is that of the first. They are told their rank as torchrun does it.
        fresh: False calls a function that needs one process in this one.

    Raises:
        RuntimeError: a process failed; the message ends with what it printed.
    """
    if not fresh and processes == 1:
        # Where tables are printed, what is measured prints nothing.
        with contextlib.redirect_stdout(sys.stderr):
            return called(target, *arguments)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        # For the processes that these processes start.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "TERM": "xterm-256color",
        "COLUMNS": "120",
    }
    if processes > 1:
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(processes)}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        children = []
        try:
            for rank in range(processes):
                ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "NODE_RANK": "0"} if processes > 1 else {}
                to = str(result) if rank == 0 else os.devnull
                command = [sys.executable, "-m", "benchmarks.child", target, to, json.dumps(arguments)]
                children.append(OnTerminal(command, {**environment, **ranks}))
            failed = [child.output[-3000:] for child in children if child.wait() != 0]
        finally:
            for child in children:
                child.kill()
        if failed:
            raise RuntimeError(f"{target} failed\n" + "\n".join(failed))
        return json.loads(result.read_text())


class OnTerminal:
    """A process on a pseudo-terminal, so that bars are drawn and colours used as for somebody who looks on.

    ``output`` is what it printed.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
        self.output = ""
        self._terminal, end = pty.openpty()
        self._process = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=end, stdout=end, stderr=end)
        os.close(end)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        code = self._process.wait()
        self._reader.join()
        return code

    def kill(self) -> None:
        """Ends it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self.wait()

    def _read(self) -> None:
        with open(self._terminal, "rb", buffering=0) as terminal:
            while True:
                try:
                    text = terminal.read(65536)
                except OSError:  # Linux says the other end of a pseudo-terminal is closed with EIO
                    return
                if not text:
                    return
                self.output += text.decode(errors="replace")


def called(target: str, *arguments: Any) -> Any:
    """What a function returns in this process."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(*arguments)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
