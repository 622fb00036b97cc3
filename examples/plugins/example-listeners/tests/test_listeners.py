"""What the listeners tell a real server and write to real files, and that a run does not care how they fare."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from toolkit.tracking.folder import list_runs

RUN = ["run", "vision/digits", "model=mlp", "loggers.wandb=null", "loader.batch_size=256", "trainer.max_epochs=2"]
README = Path(__file__).parent.parent / "README.md"
SECRET = "/services/T00000000/unguessable"


class Webhook(ThreadingHTTPServer):
    """Remembers what it was told; answers with `status`."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.told: list[dict[str, Any]] = []
        self.paths: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(content))
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Webhook]]:
    """Starts a server on this machine, and tells the listener of it."""
    servers = []

    def start(**options: Any) -> Webhook:
        server = Webhook(**options)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("TOOLKIT_WEBHOOK", server.address)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def record() -> dict[str, Any]:
    (run,) = list_runs(Path("runs"))
    return run.read_json()


def test_it_is_told_of_the_beginning_and_the_end(toolkit: Any, webhook: Callable[..., Webhook]) -> None:
    server = webhook()
    done = toolkit(*RUN, "--name", "nightly")
    assert done.code == 0, done.out + done.err
    begun, finished = server.told
    run = record()
    about = {"run": run["id"], "recipe": "vision/digits", "name": "nightly"}
    assert begun == {"event": "started", **about, "status": "running"}
    came = {"status": "finished", "seconds": run["seconds"], "metrics": run["metrics"]}
    assert finished == {"event": "finished", **about, **came}
    assert set(server.paths) == {SECRET}
    assert not run["notes"]


def test_it_is_told_of_a_failure(toolkit: Any, webhook: Callable[..., Webhook]) -> None:
    server = webhook()
    done = toolkit(*RUN, "optimizer.lr=1e30", "scheduler=null", "trainer.gradient_clip_val=null")
    assert done.code == 3
    assert [news["event"] for news in server.told] == ["started", "failed"]
    assert server.told[1]["status"] == "failed"
    assert server.told[1]["reason"] == record()["reason"]
    assert "nan" in server.told[1]["reason"] or "inf" in server.told[1]["reason"]


def test_one_that_refuses_is_told_of_once_and_the_run_goes_on(toolkit: Any, webhook: Callable[..., Webhook]) -> None:
    server = webhook(status=503)
    done = toolkit(*RUN)
    assert done.code == 0
    assert len(server.told) == 2
    message = "webhook: 127.0.0.1 was not told that the run has begun (HTTP status 503)"
    assert done.out.count("webhook: ") == 1
    assert message in done.out
    assert record()["notes"] == [message]
    # The rest of the address is a secret.
    (run,) = list_runs(Path("runs"))
    files = [path for path in run.path.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not [path for path in files if b"unguessable" in path.read_bytes()]
    assert "unguessable" not in done.out + done.err


class Told:
    """As much of a run as a listener looks at."""

    is_main, name, id = True, "vision/digits", "20261129-000000-abcd"

    def __init__(self) -> None:
        self.record = {"name": ""}
        self.notes: list[str] = []
        self.add_note = self.notes.append

    def write(self) -> None:
        """Nothing to write to."""


@pytest.mark.parametrize("address", ["hooks.example.org/x", "file:///etc/passwd", "http://[x", "http://"])
def test_an_address_that_is_none_is_said_and_not_more(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from example_listeners.webhook import toolkit_run_started

    monkeypatch.setenv("TOOLKIT_WEBHOOK", address)
    run = Told()
    toolkit_run_started(run)
    (note,) = run.notes
    assert note.startswith("webhook: the address in TOOLKIT_WEBHOOK was not told that the run has begun (")


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import example_listeners.webhook

    monkeypatch.setattr(example_listeners.webhook, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("TOOLKIT_WEBHOOK", f"http://127.0.0.1:{silent.getsockname()[1]}{SECRET}")
        run = Told()
        example_listeners.webhook.toolkit_run_started(run)
    (note,) = run.notes
    assert note.startswith("webhook: 127.0.0.1 was not told that the run has begun (")


def test_one_that_is_not_there_is_said_and_not_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from example_listeners.webhook import toolkit_run_started

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TOOLKIT_WEBHOOK", f"http://127.0.0.1:{unused.getsockname()[1]}{SECRET}")
        run = Told()
        toolkit_run_started(run)
        toolkit_run_started(run)
    assert run.notes == ["webhook: 127.0.0.1 was not told that the run has begun (ConnectionError)"]


def test_the_parquet_file_has_the_rows_of_the_csv_file(toolkit: Any) -> None:
    done = toolkit(*RUN)
    assert done.code == 0
    assert "webhook" not in done.out + done.err  # nobody has given it an address
    (run,) = list_runs(Path("runs"))
    table = pyarrow.parquet.read_table(run.path / "metrics.parquet")
    header, *rows = run.metrics_csv.read_text().splitlines()
    assert table.column_names == ["run", "recipe", *header.split(",")]
    assert len(table) == len(rows) > 2
    assert set(table["run"].to_pylist()) == {run.id}
    accuracies = [value for value in table["val/accuracy"].to_pylist() if value is not None]
    assert len(accuracies) == 2
    assert accuracies[-1] == pytest.approx(run.read_json()["metrics"]["val/accuracy"])


def test_a_run_without_a_csv_file_has_no_parquet_file(toolkit: Any) -> None:
    done = toolkit(*RUN, "loggers.csv=null")
    assert done.code == 0
    assert not record()["notes"]
    assert not list(Path("runs").rglob("metrics.parquet"))


def test_the_commands_of_the_readme_run(toolkit: Any, readme: list[list[str]], webhook: Callable[..., Webhook]) -> None:
    server = webhook()
    for command in readme:
        done = toolkit(*command)
        assert done.code == 0, done.out + done.err
    assert [news["event"] for news in server.told].count("finished") >= 1
    (program,) = re.findall(r"(?s)```python\n(.*?)```", README.read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "val/accuracy_max" in done.stdout
