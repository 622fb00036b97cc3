"""The logger `wandb` in a program of its own: at a terminal, interrupted, killed."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = "20260102-030405-abcd"

PROGRAM = """
import signal
import sys
import time
from toolkit.tracking.wandb_logger import WandbLogger
logger = WandbLogger(sys.argv[1], id=sys.argv[2], project="digits")
logger.log_metrics({"train/loss": 1.0}, 0)
print("logged", flush=True)
sys.stdin.readline()
# Who started the tests in the background of a script has had it ignored, for all their processes too.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    logger.close("finished")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(forks: Any, folder: Path, **channels: Any) -> Any:
    """A program that has logged one row and waits for a line."""
    command = [sys.executable, "-c", PROGRAM, str(folder), RUN]
    program = forks.Forked(command, stdout=subprocess.PIPE, text=True, **channels)
    assert program.stdout.readline() == "logged\n"
    return program


def core(program: Any) -> int:
    """A descriptor of wandb's own process, which can be read once it has ended."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(program.pid)], capture_output=True, text=True)
    (pid,) = [int(text) for text in listed.stdout.split()]
    return os.pidfd_open(pid)


def has_ended(process: int) -> bool:
    ended, _, _ = select.select([process], [], [], 60)
    os.close(process)
    return bool(ended)


def test_at_a_terminal_it_asks_nothing_and_its_process_ends_with_a_killed_program(
    forks: Any, folder: Path, written: Callable[..., Any]
) -> None:
    """Without a key, and with a terminal where wandb would ask for one."""
    ours, theirs = pty.openpty()
    program = start(forks, folder, stdin=theirs, stderr=theirs)
    process = core(program)
    (left,) = folder.glob("wandb/*")
    # It is on disk while the program runs: wandb's process writes nothing more when the program is killed.
    until = time.monotonic() + 60
    while not written(left).history:
        assert time.monotonic() < until
    program.kill()
    program.wait()
    assert has_ended(process)
    said, _, _ = select.select([ours], [], [], 0)
    assert not said or os.read(ours, 10_000) == b""
    os.close(theirs)
    os.close(ours)
    assert [row["train/loss"] for row in written(left).history] == [1.0]


@pytest.mark.parametrize("stuck", [False, True])
def test_ctrl_c_while_the_rest_is_uploaded_ends_the_program(
    server: Any, forks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, stuck: bool
) -> None:
    """Also when wandb's own process never ends by itself, as it may in the middle of an upload."""
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "5")
    program = start(forks, folder, stdin=subprocess.PIPE)
    process = core(program)
    server.answer = lambda path: 0
    # What was asked before the program began to close says nothing.
    server.asked.clear()
    print(file=program.stdin, flush=True)
    assert server.asked.wait(60)
    if stuck:
        signal.pidfd_send_signal(process, signal.SIGSTOP)
    program.send_signal(signal.SIGINT)
    assert program.stdout.readline() == "interrupted\n"
    assert program.wait() == 0
    assert has_ended(process)
