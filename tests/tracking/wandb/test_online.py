"""The logger `wandb` with a server on the loopback interface: one that works, and ones that do not."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = "20260102-030405-abcd"
KEY = "0123456789abcdef" * 2 + "01234567"


def rows(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in history]


def expected(first: int, last: int) -> list[dict[str, Any]]:
    return [{"train/loss": 1 / (step + 1), "trainer/global_step": step} for step in range(first, last)]


def log(logger: Any, first: int, last: int) -> None:
    for step in range(first, last):
        logger.log_metrics({"train/loss": 1 / (step + 1)}, step)


def sync(line: str) -> None:
    """Types the command that a line of the logger names."""
    words = shlex.split(line.partition("W&B: ")[2])
    assert words[:2] == ["wandb", "sync"]
    command = [sys.executable, "-m", "wandb", *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No runs to sync" not in done.stderr


def test_with_a_key_everything_arrives(
    server: Any, build: Callable[..., Any], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = build(entity="me", group="wide", tags=["paper"])
    logger.log_hyperparams({"optimizer": {"lr": 0.1}})
    log(logger, 0, 5)
    assert logger.url == f"{server.url}/me/digits/runs/{RUN}"
    logger.log_summary({"best/train/loss": 0.2})
    logger.close("finished")

    assert capfd.readouterr() == ("", "")
    assert logger.upload_hint() is None
    (run,) = server.runs.values()
    assert rows(run.history) == expected(0, 5)
    assert run.summary["best/train/loss"] == 0.2
    assert run.config["optimizer"] == {"lr": 0.1}
    assert (run.given["entity"], run.given["groupName"], run.given["tags"]) == ("me", "wide", ["paper"])
    assert run.exit_code == 0
    assert all(KEY.encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("where", ["netrc", "settings"])
def test_a_key_that_wandb_login_stored_is_found(
    server: Any, build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    home = Path.home()
    if where == "netrc":
        (home / ".netrc").write_text(f"machine 127.0.0.1:{server.server_port}\n  login user\n  password {KEY}\n")
        (home / ".netrc").chmod(0o600)
    else:
        (home / ".config" / "wandb").mkdir(parents=True)
        (home / ".config" / "wandb" / "settings").write_text(f"[default]\napi_key = {KEY}\n")
    logger = build()
    log(logger, 0, 2)
    logger.close("finished")
    assert logger.upload_hint() is None
    assert rows(server.runs[RUN].history) == expected(0, 2)


def test_a_resumed_run_continues_the_same_run(server: Any, build: Callable[..., Any]) -> None:
    first = build()
    log(first, 0, 5)
    first.close("interrupted")
    second = build()
    log(second, 3, 8)
    second.close("finished")
    assert second.upload_hint() is None
    (run,) = server.runs.values()
    assert rows(run.history) == expected(0, 8)
    assert [row["_step"] for row in run.history] == list(range(8))


def refuse(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")


def stall(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = lambda path: 0


def break_down(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = lambda path: 500


def deny(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = lambda path: 401


def malformed_key(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "not a key")


@pytest.mark.parametrize("trouble", [refuse, stall, break_down, deny, malformed_key])
def test_without_a_server_at_the_start_the_run_is_offline(
    server: Any,
    build: Callable[..., Any],
    folder: Path,
    written: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[..., None],
) -> None:
    caplog.set_level("WARNING")
    trouble(server, monkeypatch)
    # It would wait for the rest of its own time; what is tested is the outcome.
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    logger = build()
    log(logger, 0, 5)
    logger.close("finished")
    line = logger.upload_hint()
    (left,) = folder.glob("wandb/*")
    assert rows(written(left).history) == expected(0, 5)
    assert str(left.relative_to(Path.cwd())) in line
    (message,) = [record.getMessage() for record in caplog.records if record.name == "toolkit.wandb"]
    assert message.startswith("W&B cannot be reached (")
    assert message.endswith("); the run is logged offline.")
    assert "\n" not in message


@pytest.mark.parametrize("status", [0, 500, 401])
def test_a_server_that_fails_under_way_loses_nothing(
    server: Any,
    build: Callable[..., Any],
    folder: Path,
    written: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "1")
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "2")
    logger = build()
    log(logger, 0, 4)
    server.wait_for(lambda: len(server.runs[RUN].history) == 4)
    server.answer = lambda path: status
    log(logger, 4, 9)
    logger.log_summary({"best/train/loss": 0.1})
    logger.close("finished")
    line = logger.upload_hint()
    (left,) = folder.glob("wandb/*")
    assert rows(written(left).history) == expected(0, 9)

    # The line that was printed is enough to put it right.
    server.answer = lambda path: None
    sync(line)
    (run,) = server.runs.values()
    assert rows(run.history) == expected(0, 9)
    assert run.summary["best/train/loss"] == 0.1
    assert logger.upload_hint() is None


def test_a_server_that_fails_after_a_resume_gets_every_row(
    server: Any, build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "1")
    first = build()
    log(first, 0, 5)
    first.close("failed")
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "2")
    second = build()
    log(second, 3, 9)
    server.wait_for(lambda: len(server.runs[RUN].history) == 9)
    server.answer = lambda path: 500
    log(second, 9, 12)
    second.close("finished")
    line = second.upload_hint()

    server.answer = lambda path: None
    sync(line)
    # wandb 0.31 sends the rows that had arrived a second time; their _step, by which a server knows them, is the same.
    by_step = {row["_step"]: row for row in server.runs[RUN].history}
    assert rows([by_step[step] for step in sorted(by_step)]) == expected(0, 12)


def test_two_offline_folders_make_one_run(server: Any, build: Callable[..., Any]) -> None:
    first = build(mode="offline")
    first.log_hyperparams({"seed": 0})
    log(first, 0, 5)
    first.close("failed")
    second = build(mode="offline")
    second.log_hyperparams({"seed": 0})
    log(second, 3, 8)
    second.log_summary({"best/train/loss": 0.125})
    second.close("finished")
    line = second.upload_hint()
    assert server.runs == {}

    sync(line)
    (run,) = server.runs.values()
    assert rows(run.history) == expected(0, 8)
    assert [row["_step"] for row in run.history] == list(range(8))
    assert run.config["seed"] == 0
    assert run.summary["best/train/loss"] == 0.125
    assert run.exit_code == 0
    assert second.upload_hint() is None
