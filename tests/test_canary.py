"""Secrets planted wherever a run looks; none may reach a byte of what it leaves behind or prints."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KEY = "c0ffee" * 6 + "c0ff"

VARIABLES = {
    "WANDB_API_KEY": KEY,
    "HF_TOKEN": "hf_canaryAbCdEfGhIjKlMnOp",
    "DB_PASSWORD": 'pa\'ss "canary"\\w/ord',
    "AWS_SECRET_ACCESS_KEY": "canary/aws+secret/access/key/0001",
    "DEPLOY_CREDENTIALS": "canary-first-line-of-several\ncanary-second-line-of-several",
    "SLURM_JWT": "eyJcanary.slurm.token",
    "HTTPS_PROXY": "http://someone:canaryproxy@127.0.0.1:9",
    # No secret by its name, but the recipe takes it from the environment: it is saved by reference.
    "LEARNING_RATE": "0.0123456789",
}

ELSEWHERE = {
    "netrc": "canarynetrcpassword",
    "remote": "canaryremotepassword",
    "diff": "canarydiffpassword",
    "override": "canaryoverridepassword",
    "note": "canarynotepassword",
}

RECIPE = """\
# A short run.
extends: vision/digits
optimizer: {lr: "${oc.env:LEARNING_RATE}"}
trainer: {max_epochs: 1, limit_train_batches: 3}
callbacks: {chatty: {use: "./chatty.py:Chatty"}}
"""

CHATTY = """\
import os
import pytorch_lightning as pl

class Chatty(pl.Callback):
    def on_train_end(self, trainer, module):
        if "FAIL" in os.environ:
            raise RuntimeError(f"the login {os.environ['DB_PASSWORD']} with {os.environ['HF_TOKEN']} was refused")
"""


@dataclass
class Left:
    """What a run left behind."""

    files: dict[Path, bytes]
    said: bytes
    code: int

    def text(self, pattern: str) -> str:
        """The content of the only file that a pattern matches."""
        (found,) = [content for path, content in self.files.items() if path.match(pattern)]
        return found.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home")
    (path / ".netrc").write_text(f"machine 127.0.0.1:9 login user password {ELSEWHERE['netrc']}\n")
    return path


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose remote has a password and whose working tree has secrets that are not committed."""
    path = tmp_path_factory.mktemp("repository")
    (path / "mine.yaml").write_text(RECIPE)
    (path / "chatty.py").write_text(CHATTY)
    (path / "settings.py").write_text("LOGIN = None\n")
    (path / ".gitignore").write_text("runs*\n__pycache__\n")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-q", "-m", "first"],
        ["remote", "add", "origin", f"https://me:{ELSEWHERE['remote']}@example.org/mine.git"],
    ):
        subprocess.run(["git", "-C", path, *arguments], check=True)
    login = "".join(f"# {name} is {value}\n" for name, value in VARIABLES.items() if name != "LEARNING_RATE")
    (path / "settings.py").write_text(f"LOGIN = 'postgresql://me:{ELSEWHERE['diff']}@db/x'\n{login}")
    return path


@pytest.fixture(scope="module", params=["finished", "failed"])
def left(request: pytest.FixtureRequest, program: Any, home: Path, repository: Path) -> Left:
    """A short run that finishes, and one whose error message is made of secrets."""
    runs = repository / f"runs-{request.param}"
    environment = {
        **VARIABLES,
        "HOME": str(home),
        "TOOLKIT_RUNS": str(runs),
        # A key and a server that is not there: it is tried, and then the run goes on offline.
        "WANDB_BASE_URL": "http://127.0.0.1:9",
        "WANDB_INIT_TIMEOUT": "1",
        **({"FAIL": "1"} if request.param == "failed" else {}),
    }
    command = [
        *["-m", "toolkit", "run", "./mine.yaml", "--allow-code"],
        f"loggers.wandb.notes=see https://me:{ELSEWHERE['override']}@example.org/data",
        *["--note", f"with {VARIABLES['HF_TOKEN']} and ftp://me:{ELSEWHERE['note']}@example.org"],
        *["--tag", VARIABLES["AWS_SECRET_ACCESS_KEY"], "--name", f"run {VARIABLES['DB_PASSWORD']}"],
    ]
    done = program(*command, cwd=repository, **environment)
    written = [path for place in (runs, home) for path in place.rglob("*") if path.is_file() and path.name != ".netrc"]
    return Left({path: path.read_bytes() for path in written}, (done.stdout + done.stderr).encode(), done.returncode)


def test_the_run_was_one(left: Left, request: pytest.FixtureRequest) -> None:
    failed = "failed" in request.node.name
    assert left.code == (3 if failed else 0), left.said.decode()
    kinds = {path.suffix or path.name for path in left.files}
    assert {".yaml", ".json", ".csv", ".ckpt", ".wandb", ".patch"} <= kinds
    # What is redacted was there to be found.
    for pattern in ("run.json", "git.patch", "*.wandb"):
        assert "<redacted>" in left.text(pattern)
    assert ("<redacted>" in left.text("traceback.txt")) if failed else ("tested with" in left.said.decode())


@pytest.mark.parametrize("name", [*VARIABLES, *ELSEWHERE])
def test_no_secret_is_in_any_byte(left: Left, name: str) -> None:
    value = VARIABLES.get(name) or ELSEWHERE[name]
    if name == "HTTPS_PROXY":
        value = "canaryproxy"
    forms = {line.encode() for line in value.splitlines()}
    forms |= {base64.b64encode(f"{user}:{value}".encode()) for user in ("api", "me", "user")}
    places = [str(path) for path, content in left.files.items() if any(form in content for form in forms)]
    assert places == []
    assert not any(form in left.said for form in forms), left.said.decode()


def test_the_recipe_keeps_what_it_takes_from_the_environment_as_written(left: Left) -> None:
    assert "${oc.env:LEARNING_RATE}" in left.text("recipe.yaml")
    assert "${oc.env:LEARNING_RATE}" in left.text("*.wandb")
