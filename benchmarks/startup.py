"""How long the commands that only look take to answer, beside what their libraries take to import.

Prints one table: command, median in milliseconds, and its ratio to the first line, ``import typer, rich.console``.
The target is 3.

Protocol: every command runs as a process of its own, with this Python and this environment, output to a pipe; the
commands take turns, so that a busy machine slows all of them alike; two turns first fill the caches and are not
counted. The last two lines run on a pseudo-terminal, where help and listings are drawn by rich.

    python benchmarks/startup.py [--turns 20]
"""

from __future__ import annotations

import argparse
import os
import pty
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

BASELINE = ("-c", "import typer, rich.console")
PIPED = (
    BASELINE,
    ("-c", "pass"),
    ("-m", "toolkit", "--help"),
    ("-m", "toolkit", "run", "--help"),
    ("-m", "toolkit", "ls"),
    ("-m", "toolkit", "ls", "--json"),
    ("-m", "toolkit", "ls", "models"),
    ("-m", "toolkit", "show", "vision/digits"),
    ("-m", "toolkit", "plugins"),
)
ON_TERMINAL = (("-m", "toolkit", "--help"), ("-m", "toolkit", "ls"))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20, help="how often each command runs")
    turns = parser.parse_args().turns
    commands: list[tuple[str, Callable[[], None]]] = [(_shown(each), _piped(each)) for each in PIPED]
    commands += [(_shown(each) + " (terminal)", _on_terminal(each)) for each in ON_TERMINAL]
    seconds: dict[str, list[float]] = {name: [] for name, _ in commands}
    for turn in range(turns + 2):
        for name, command in commands:
            started = time.perf_counter()
            command()
            if turn >= 2:
                seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    baseline = medians[_shown(BASELINE)]
    width = max(map(len, medians))
    print(f"{'command':<{width}}   median ms   ratio")
    for name, median in medians.items():
        print(f"{name:<{width}}   {median * 1000:9.0f}   {median / baseline:5.2f}")


def _shown(arguments: tuple[str, ...]) -> str:
    if arguments[0] == "-m":
        return " ".join(arguments[1:])
    return f"python -c {arguments[1]!r}"


def _piped(arguments: tuple[str, ...]) -> Callable[[], None]:
    def command() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return command


def _on_terminal(arguments: tuple[str, ...]) -> Callable[[], None]:
    def command() -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, *arguments])
        try:
            while os.read(terminal, 65536):
                continue
        except OSError:  # Linux says the other end of a pseudo-terminal is closed with EIO
            os.close(terminal)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status):
            sys.exit(f"{_shown(arguments)} failed")

    return command


if __name__ == "__main__":
    main()
