"""The commands that build and train, each once, from the command line to its exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

TINY = """\
# A small network on the digits, for one epoch.
extends: vision/digits
model: {use: mlp, hidden: [8]}
loss: {label_smoothing: 0.0}
scheduler: null
trainer: {max_epochs: 1, accelerator: cpu}
loggers: {wandb: null}
expect: {test/accuracy: ">= 0.05"}
"""

TROUBLE = """\
import os
import signal

from pytorch_lightning import Callback


class Boom(Callback):
    def __init__(self, now: bool = False):
        if now:
            raise ValueError("cannot be built so")

    def on_train_epoch_end(self, trainer, pl_module):
        raise ValueError("boom")


class Stop(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture
def tiny(tmp_path, toolkit, install):
    """A recipe that trains in a second, and a plugin that gives trouble."""
    install("acme", {"callbacks": {"boom": "acme:Boom", "stop": "acme:Stop"}}, {"acme.py": TROUBLE})
    (tmp_path / "here" / "tiny.yaml").write_text(TINY)
    return lambda *words: toolkit(words[0], *(words[1:] if words[1:2] == ("last",) else ("./tiny.yaml", *words[1:])))


def documented_keys(command: str) -> set[str]:
    """The keys in the first column of the last table of a command's section."""
    section = PAGE.split(f"\n## toolkit {command}\n")[1].split("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_check(tiny):
    answer = tiny("check")
    assert (answer.code, answer.out, answer.err) == (0, "tiny: ok, 7 components and 20 values\n", "")
    told = json.loads(tiny("check", "--json").out)
    assert told == {"recipe": "./tiny.yaml", "ok": True, "problems": [], "deep": None}
    assert set(told) == documented_keys("check")


def test_check_tells_every_problem_at_once(tiny):
    words = ("check", "optimizer.momentun=0.9", "modl=mlp")
    answer = tiny(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "command line: optimizer.momentun=0.9   optimizer.momentun: sgd has no argument 'momentun'. "
        "Did you mean 'momentum'?\n"
        "command line: modl=mlp                 modl: a recipe has no key 'modl'. Did you mean 'model'?\n"
        "2 problems in this recipe; nothing was started.\n"
    )
    told = tiny(*words, "--json")
    assert (told.code, told.err) == (2, "")
    problems = json.loads(told.out)["problems"]
    assert [problem["key"] for problem in problems] == ["optimizer.momentun", "modl"]
    assert all(f"`{key}`" in PAGE for key in problems[0])


def test_check_deep(tiny):
    answer = tiny("check", "--deep")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("tiny: ok, 7 components and 20 values\nparameters   610\noutputs      (2, 10)\n")
    told = json.loads(tiny("check", "--deep", "--json").out)
    assert all(f"`{key}`" in PAGE for key in told["deep"])


def test_run_then_test_then_resume(tiny, toolkit):
    answer = tiny("run", "--name", "first", "--tag", "a", "--tag", "b", "--note", "c")
    assert (answer.code, answer.err) == (0, "")
    (run,) = json.loads(toolkit("runs", "--json").out)
    assert set(run) == documented_keys("runs")
    assert (run["status"], run["name"], run["tags"], run["note"]) == ("finished", "first", ["a", "b"], "c")
    assert run["id"] in answer.out

    tested = toolkit("test", "last")
    assert (tested.code, tested.err) == (0, "")
    assert re.search(r"(?m)^  test/accuracy  0\.\d{4}$", tested.out)
    told = json.loads(toolkit("test", run["id"][:15], "--json").out)
    assert set(told) == documented_keys("test")
    assert told["metrics"]["test/accuracy"] == run["metrics"]["test/accuracy"]

    again = toolkit("resume", "last")
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith(f"run {run['id']} is finished. To train it longer: toolkit resume {run['id']} ")
    longer = toolkit("resume", "last", "trainer.max_epochs=2")
    assert (longer.code, longer.err) == (0, "")
    assert [each["id"] for each in json.loads(toolkit("runs", "--json").out)] == [run["id"]]


def test_verify(tiny, tmp_path):
    readme = tmp_path / "here" / "README.md"
    marks = re.search(r"```\n(<!-- results: begin .*?-->\n<!-- results: end -->\n)```", PAGE)
    assert marks is not None
    readme.write_text(marks[1])
    answer = tiny("verify", "--write", "README.md", "--json")
    assert (answer.code, answer.err) == (0, "")
    (row,) = json.loads(answer.out[answer.out.index("[\n") :])
    assert set(row) == documented_keys("verify")
    assert "| tiny | test/accuracy | " in readme.read_text()


def test_verify_ends_with_4_where_a_result_differs(tiny, tmp_path):
    recipe = tmp_path / "here" / "tiny.yaml"
    recipe.write_text(TINY.replace(">= 0.05", "> 1"))
    answer = tiny("verify")
    assert answer.code == 4
    assert re.search(r"(?m)^tiny    test/accuracy  0\.\d{4}  > 1       not met$", answer.out)
    assert re.fullmatch(
        r"tiny: test/accuracy is 0\.\d{4}, expected > 1\n1 result differs from what the recipes expect\.\n", answer.err
    )


def test_fetch(tiny):
    assert tiny("fetch").out == "tiny: everything it needs is here\n"


@pytest.mark.parametrize("wanted", [False, True])
def test_a_component_that_cannot_be_built(tiny, toolkit, wanted):
    answer = tiny("run", "callbacks.boom.now=true", *(["--traceback"] if wanted else []))
    assert answer.code == 2
    assert answer.err.splitlines()[-1].endswith("ValueError: cannot be built so")
    assert ("Traceback (most recent call last)" in answer.err) is wanted
    assert json.loads(toolkit("runs", "--json").out) == []


@pytest.mark.parametrize("wanted", [False, True])
def test_a_component_that_fails_in_a_run(tiny, toolkit, wanted):
    answer = tiny("run", "callbacks.boom={}", *(["--traceback"] if wanted else []))
    assert answer.code == 3
    assert "callback 'boom' (acme 1.0, acme:Boom) raised ValueError: boom\n" in answer.err
    assert ("Traceback (most recent call last)" in answer.err) is wanted
    assert json.loads(toolkit("runs", "--json").out)[0]["status"] == "failed"


def test_an_interrupted_run(tiny, toolkit):
    answer = tiny("run", "callbacks.stop={}")
    assert answer.code == 130
    (run,) = json.loads(toolkit("runs", "--json").out)
    assert run["status"] == "interrupted"
    assert answer.err.startswith(f"run {run['id']} was stopped: interrupted (Ctrl-C)\n")
