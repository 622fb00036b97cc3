"""Processes of a distributed run: started, watched over, ended. With real processes that import nothing heavy."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.engine import launch as launching
from toolkit.engine.launch import Ended, rank_log
from toolkit.engine.ranks import ranks_here

CODE = """
import fcntl, os, signal, threading

RANK = int(os.environ["RANK"])

def hello(word):
    print(word, "from", RANK, "of", os.environ["WORLD_SIZE"], os.environ.get("CANARY_TOKEN", ""))
    return 0

def second_fails(how):
    if RANK == 1 and how == "leaves":
        os._exit(0)
    if RANK == 1:
        if how.startswith("stubborn"):
            open(how.partition(":")[2]).close()
        return 3
    if how.startswith("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # The other end of the pipe is told that this process can no longer be asked to end.
        open(how.partition(":")[2], "w").close()
    threading.Event().wait()

def wait(path):
    # The lock lasts as long as the process; the other end of the pipe is told once it is held.
    lock = open(os.path.join(path, f"lock-{RANK}"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(os.path.join(path, f"pipe-{RANK}"), "w") as pipe:
        pipe.write("ready")
    threading.Event().wait()
"""


def launch(call: str, arguments: list[str], logs: Path, silent: bool = False) -> list[Ended]:
    """Two processes here, whose accounts say something unless one is to have ended without a word."""
    accounts = {0: {"code": 0}, 1: {} if silent else {"code": 0}}
    return launching.launch(call, arguments, ranks=ranks_here(2), logs=logs, account=accounts.__getitem__)


@pytest.fixture(autouse=True)
def ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_ranks.py").write_text(CODE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_all_processes_are_called_and_their_output_is_kept_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "kanarienvogel")
    ended = launch("acme_ranks:hello", ["hello"], tmp_path)
    assert sorted((one.rank, one.code, one.asked) for one in ended) == [(0, 0, False), (1, 0, False)]
    assert rank_log(tmp_path, 1).read_text() == "hello from 1 of 2 <redacted>\n"
    assert capsys.readouterr().out == "hello from 0 of 2 <redacted>\n"


def test_when_one_fails_the_others_are_asked_to_end(tmp_path: Path) -> None:
    first, second = launch("acme_ranks:second_fails", [""], tmp_path)
    assert (first.rank, first.code, first.asked) == (1, 3, False)
    assert (second.rank, second.code, second.asked) == (0, -signal.SIGTERM, True)


def test_one_that_leaves_without_having_done_its_part_has_failed(tmp_path: Path) -> None:
    first, second = launch("acme_ranks:second_fails", ["leaves"], tmp_path, silent=True)
    assert (first.rank, first.code, first.asked, first.failed) == (1, 0, False, True)
    assert (second.rank, second.code, second.asked) == (0, -signal.SIGTERM, True)


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launching.GRACE_SECONDS + launching.REPORT_SECONDS < 30, "a rank that dies ends all within half a minute"
    monkeypatch.setattr(launching, "GRACE_SECONDS", 0.5)
    os.mkfifo(tmp_path / "pipe")
    first, second = launch("acme_ranks:second_fails", [f"stubborn:{tmp_path / 'pipe'}"], tmp_path)
    assert (first.rank, first.code, first.asked) == (1, 3, False)
    assert (second.rank, second.code, second.asked) == (0, -signal.SIGKILL, True)


def test_they_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from toolkit.engine.launch import launch; from toolkit.engine.ranks import ranks_here\n"
        "logs = Path(sys.argv[1])\n"
        "launch('acme_ranks:wait', [sys.argv[1]], ranks=ranks_here(2), logs=logs, account=lambda rank: {})"
    )
    for rank in (0, 1):
        os.mkfifo(tmp_path / f"pipe-{rank}")
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    for rank in (0, 1):
        assert (tmp_path / f"pipe-{rank}").read_text() == "ready"
    parent.kill()
    parent.wait()
    for rank in (0, 1):
        with (tmp_path / f"lock-{rank}").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # returns when the process that holds it is gone
