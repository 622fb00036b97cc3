"""How long the commands that only look take to answer, beside what their libraries take to import.

    python -m benchmarks.startup [--rounds 20] [--measurements 3] [--tiny]

Protocol. Every command runs as a process of its own, with this Python and this environment, output to a pipe. One round
first fills the caches and is not counted; see `benchmarks.frame` for what is kept and what a ratio is. Ratios are taken
against ``import typer, rich.console``, what a command by hand would import; the target is 3. The last two lines run on
a pseudo-terminal, where help and listings are drawn by rich.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.frame import OnTerminal, Settings, interleaved, main, repeated
from benchmarks.table import Against, Row, Table, table

ROUNDS = 20
BASELINE = "import typer, rich.console"
PIPED = {
    BASELINE: ("-c", "import typer, rich.console"),
    "python -c pass": ("-c", "pass"),
    "toolkit --help": ("-m", "toolkit", "--help"),
    "toolkit run --help": ("-m", "toolkit", "run", "--help"),
    "toolkit ls": ("-m", "toolkit", "ls"),
    "toolkit ls --json": ("-m", "toolkit", "ls", "--json"),
    "toolkit ls models": ("-m", "toolkit", "ls", "models"),
    "toolkit show vision/digits": ("-m", "toolkit", "show", "vision/digits"),
    "toolkit plugins": ("-m", "toolkit", "plugins"),
}
ON_TERMINAL = {
    "toolkit --help (terminal)": ("-m", "toolkit", "--help"),
    "toolkit ls (terminal)": ("-m", "toolkit", "ls"),
}


def tables(settings: Settings) -> list[Table]:
    """Milliseconds of every command."""
    title = "Start-up"
    commands = {name: functools.partial(_piped, arguments) for name, arguments in PIPED.items()}
    commands |= {name: functools.partial(_on_terminal, arguments) for name, arguments in ON_TERMINAL.items()}
    if not settings.tiny:
        interleaved(commands, 1)
    measured = repeated(lambda: interleaved(commands, settings.rounds_or(ROUNDS)), BASELINE, settings, title)
    rows = [Row(name, name) for name in commands]
    return [table(title, "ms", rows, measured, Against("x import", BASELINE), scale=1e3)]


def _piped(arguments: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


def _on_terminal(arguments: Sequence[str]) -> float:
    began = time.perf_counter()
    command = OnTerminal([sys.executable, *arguments], {**os.environ, "TERM": "xterm-256color"})
    if command.wait() != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed\n{command.output}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main(__doc__, tables)
