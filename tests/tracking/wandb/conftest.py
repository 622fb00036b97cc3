"""A run's folder, a reader of what wandb wrote into it, and a W&B server on the loopback interface."""

from __future__ import annotations

import gzip
import json
import os
import re
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from toolkit.tracking.wandb_logger import WandbLogger

KEY = "0123456789abcdef" * 2 + "01234567"
RUN = "20260102-030405-abcd"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key, no settings of the person who runs the tests, and no wandb process left from the test before."""
    for name in os.environ:
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.chdir(tmp_path)
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of a run."""
    path = tmp_path / "runs" / RUN
    path.mkdir(parents=True)
    return path


@pytest.fixture
def build(folder: Path) -> Callable[..., Any]:
    """Builds the logger as the core does."""

    def logger(**arguments: Any) -> WandbLogger:
        given = {"save_dir": str(folder), "name": "wide", "version": RUN, "id": RUN, "project": "digits"}
        return WandbLogger(**{**given, **arguments})

    return logger


@dataclass
class Written:
    """What wandb wrote into one of its folders."""

    records: list[Any]
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    run: Any = None
    exit_code: int | None = None


@pytest.fixture
def written() -> Callable[[Path], Written]:
    """Reads a ``.wandb`` file, or the only one in a folder."""
    return read


def read(path: Path) -> Written:
    (log,) = path.glob("*.wandb") if path.is_dir() else (path,)
    found = Written([Record.FromString(content) for content in frames(log.read_bytes())])
    for record in found.records:
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found.run = record.run
        if kind in ("run", "config"):
            config = record.run.config if kind == "run" else record.config
            found.config.update({item.key or item.nested_key[0]: json.loads(item.value_json) for item in config.update})
        elif kind == "history":
            found.history.append(items(record.history.item))
        elif kind == "summary":
            found.summary.update(items(record.summary.update))
        elif kind == "metric":
            found.metrics[record.metric.name or record.metric.glob_name] = record.metric
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def items(listed: Any) -> dict[str, Any]:
    return {(*item.nested_key, item.key)[0]: json.loads(item.value_json) for item in listed}


def frames(data: bytes) -> Iterator[bytes]:
    """LevelDB's log: blocks of 32 KiB; pieces of a checksum, a length, a kind (1 whole, 2 first, 3 middle, 4 last)."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        assert 1 <= kind <= 4
        piece = data[at + 7 : at + 7 + length]
        whole = piece if kind in (1, 2) else whole + piece
        if kind in (1, 4):
            yield whole
        at += 7 + length


@dataclass
class RunAtServer:
    """What arrived of one run."""

    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    uploaded: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None


class Loopback(ThreadingHTTPServer):
    """As much of W&B's server as a run and ``wandb sync`` need; it can be told to misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs: dict[str, RunAtServer] = {}
        self.received: list[bytes] = []
        self.answer: Callable[[str], int | None] = lambda path: None
        """Status to answer a request with instead; 0 to leave it without an answer."""
        self.released = threading.Event()
        self.asked = threading.Event()
        """Set when a request was answered in that way."""
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Waits until what arrived meets a condition."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout=60)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""

    def reply(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        name = variables.get("name") or variables.get("run") or ""
        if operation == "Viewer":
            return {"viewer": {"id": "1", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}
        if operation == "UpsertBucket":
            run = self.runs.setdefault(name, RunAtServer())
            run.given.update({key: value for key, value in variables.items() if value is not None})
            run.config.update({key: item["value"] for key, item in json.loads(variables["config"]).items()})
            project = {"id": "cA==", "name": variables["project"], "entity": {"id": "ZQ==", "name": "me"}}
            bucket = {"id": "YQ==", "name": name, "project": project, "config": variables["config"]}
            return {"upsertBucket": {"inserted": True, "bucket": bucket}}
        if operation == "RunResumeStatus":
            return {
                "model": {"id": "cA==", "name": "p", "entity": {"id": "ZQ==", "name": "me"}, "bucket": self.state(name)}
            }
        if operation == "CreateRunFiles":
            files = [{"name": path, "uploadUrl": f"{self.url}/upload/{name}/{path}"} for path in variables["files"]]
            return {"createRunFiles": {"runID": "YQ==", "uploadHeaders": [], "files": files}}
        return {}

    def state(self, name: str) -> dict[str, Any] | None:
        run = self.runs.get(name)
        if run is None:
            return None
        config = {key: {"value": value} for key, value in run.config.items()}
        return {
            "id": "YQ==",
            "name": name,
            "displayName": run.given.get("displayName"),
            "summaryMetrics": json.dumps(run.summary),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyLineCount": len(run.history),
            "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
            "eventsTail": "[]",
            "config": json.dumps(config),
            "tags": [],
            "wandbConfig": json.dumps({"t": {}}),
        }

    def stream(self, name: str, content: dict[str, Any]) -> None:
        with self.changed:
            self.keep(self.runs[name], content)
            self.changed.notify_all()

    def keep(self, run: RunAtServer, content: dict[str, Any]) -> None:
        files = content.get("files") or {}
        if rows := files.get("wandb-history.jsonl"):
            run.history[rows["offset"] : rows["offset"] + len(rows["content"])] = map(json.loads, rows["content"])
        if summary := files.get("wandb-summary.json"):
            run.summary = json.loads(summary["content"][-1])
        if content.get("complete"):
            run.exit_code = content["exitcode"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Loopback

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.respond(200, {})

    def do_PUT(self) -> None:
        name, _, path = self.path.removeprefix("/upload/").partition("/")
        self.server.runs[name].uploaded[path] = self.body()
        self.respond(200, {})

    def do_POST(self) -> None:
        body = self.body()
        status = self.server.answer(self.path)
        if status is not None:
            self.server.asked.set()
            if status == 0:
                self.server.released.wait()
            return self.respond(status or 500, {"error": "as told"})
        if self.path == "/graphql":
            request = json.loads(body)
            operation = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
            assert operation is not None
            return self.respond(200, {"data": self.server.reply(operation.group(1), request.get("variables") or {})})
        if stream := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
            self.server.stream(stream.group(1), json.loads(body))
        return self.respond(200, {})

    def body(self) -> bytes:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content
        self.server.received.append(content)
        return content

    def respond(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that works, and an environment in which a key for it is configured."""
    with Loopback() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setenv("WANDB_BASE_URL", running.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        # A machine may be slow where the server is not.
        monkeypatch.setenv("WANDB_INIT_TIMEOUT", "60")
        monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "60")
        yield running
        wandb.teardown()
        running.released.set()
        running.shutdown()
        thread.join()
