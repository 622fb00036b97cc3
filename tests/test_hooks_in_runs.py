"""Hooks in real runs, as docs/hooks.md tells of them: which are called, in which process, what exceptions do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.hooks import HOOKS, Hooks

pytestmark = pytest.mark.usefixtures("undrawn")

LISTENER = """
import json, os
from pathlib import Path
from toolkit.hooks import hookimpl

def heard(hook, about):
    line = json.dumps({"hook": hook, "rank": int(os.environ.get("RANK", 0)), **about})
    with Path("heard.jsonl").open("a") as file:
        file.write(line + "\\n")
"""
LISTENS = """
@hookimpl
def {hook}({parameters}):
    heard({hook!r}, dict({told}))
    if {hook!r} == {raises!r}:
        raise ValueError("on purpose")
"""
TELLS = {
    "experiment": "classes=experiment.facts['num_classes']",
    "options": "epochs=options['max_epochs']",
    "run": "id=run.id, is_main=run.is_main, resumed=run.resumed_from is not None, folder=run.folder.path.is_dir()",
    "result": "accuracy=result.metrics['test/accuracy'], status=result.status",
    "error": "error=type(error).__name__",
}
"""What a listener writes down of each argument."""

RECIPE = """
task: classification
dataset: digits
model: mlp
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 1}
"""
BROKEN = """
from torch import nn

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, inputs):
        raise ValueError("no")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(RECIPE)
    (folder / "broken.py").write_text(BROKEN)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def listen(tmp_path: Path, install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Installs a plugin that listens to every hook with all its arguments, and may raise in one."""

    def listen(raises: str = "") -> Path:
        site = tmp_path / "site"
        source = LISTENER
        for hook in HOOKS:
            parameters = [name for name in signature(getattr(Hooks, hook)).parameters if name != "self"]
            told = ", ".join(TELLS[name] for name in parameters)
            source += LISTENS.format(hook=hook, parameters=", ".join(parameters), told=told, raises=raises)
        install_plugin(site, "acme", {"hooks": {"watch": "acme_listener"}}, {"acme_listener.py": source})
        monkeypatch.syspath_prepend(site)
        return site

    return listen


def heard(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "heard.jsonl").read_text().splitlines()]


def test_a_run_that_ends_well_and_one_that_does_not_call_every_hook(folder: Path, listen: Callable[..., Path]) -> None:
    listen()
    assert main(["run", "./tiny.yaml"]) == 0
    assert main(["resume", "last", "trainer.max_epochs=2"]) == 0
    well = heard(folder)
    assert [(one["hook"], one.get("resumed")) for one in well] == [
        ("toolkit_trainer_options", None),
        ("toolkit_run_started", False),
        ("toolkit_run_finished", False),
        ("toolkit_trainer_options", None),
        ("toolkit_run_started", True),
        ("toolkit_run_finished", True),
    ]
    assert [(one["classes"], one["epochs"]) for one in well if "classes" in one] == [(10, 1), (10, 2)]
    assert all(one["is_main"] and one["folder"] for one in well if "id" in one)
    assert well[2]["status"] == "finished"
    assert well[2]["accuracy"] > 0.5

    (folder / "heard.jsonl").unlink()
    assert main(["run", "./tiny.yaml", "--allow-code", "model=./broken.py:Broken"]) == 3
    failed = heard(folder)
    assert [one["hook"] for one in failed] == ["toolkit_trainer_options", "toolkit_run_started", "toolkit_run_failed"]
    assert failed[-1]["error"] == "ValueError"
    assert {one["hook"] for one in (*well, *failed)} == set(HOOKS)


def test_commands_that_train_nothing_and_refused_recipes_call_none(folder: Path, listen: Callable[..., Path]) -> None:
    assert main(["run", "./tiny.yaml"]) == 0
    listen()
    assert main(["check", "./tiny.yaml", "--deep"]) == 0
    assert main(["test", "last"]) == 0
    assert main(["run", "./tiny.yaml", "model.hidden=wide"]) == 2
    assert not (folder / "heard.jsonl").exists()


@pytest.mark.parametrize("hook", ["toolkit_trainer_options", "toolkit_run_started"])
def test_an_exception_at_the_start_ends_the_run_and_is_told_of(
    folder: Path, listen: Callable[..., Path], hook: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listen(raises=hook)
    assert main(["run", "./tiny.yaml"]) == 3
    assert (
        f"hooks 'watch' (acme 1.0, acme_listener) failed in {hook}: ValueError: on purpose" in capsys.readouterr().err
    )
    last = heard(folder)[-1]
    assert (last["hook"], last["error"]) == ("toolkit_run_failed", "HookError")


def test_an_exception_at_the_end_is_kept_as_a_note(
    folder: Path, listen: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    listen(raises="toolkit_run_finished")
    assert main(["run", "./tiny.yaml"]) == 0
    line = "hooks 'watch' (acme 1.0, acme_listener) failed in toolkit_run_finished: ValueError: on purpose"
    assert line in capsys.readouterr().out
    (record,) = folder.glob("runs/*/*/run.json")
    assert line in json.loads(record.read_text())["notes"]
    assert [one["hook"] for one in heard(folder)].count("toolkit_run_failed") == 0


@pytest.mark.slow
def test_every_process_of_a_run_calls_its_listeners(folder: Path, listen: Callable[..., Path]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(listen())}
    options = ["trainer.devices=2", "trainer.accelerator=cpu"]
    command = [sys.executable, "-m", "toolkit", "run", "./tiny.yaml", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for rank in (0, 1):
        own = [one for one in heard(folder) if one["rank"] == rank]
        assert [one["hook"] for one in own] == [
            "toolkit_trainer_options",
            "toolkit_run_started",
            "toolkit_run_finished",
        ]
        assert {one["is_main"] for one in own if "is_main" in one} == {rank == 0}
    assert len({one["id"] for one in heard(folder) if "id" in one}) == 1
