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
    assert told == {"recipe": "./tiny.yaml", "ok": True, "problems": [], "notes": [], "deep": None}
    assert set(told) == documented_keys("check")


def test_check_tells_every_problem_at_once(tiny):
    words = ("check", "optimizer.momentun=0.9", "modl=mlp")
    answer = tiny(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "command line: optimizer.momentun=0.9   optimizer.momentun: sgd has no argument 'momentun'. "
        "Did you mean 'momentum'?\n"
        "command line: modl=mlp                 modl: a recipe has no key 'modl'. Did you mean 'model'?\n"
        "2 problems in this recipe.\n"
    )
    told = tiny(*words, "--json")
    assert (told.code, told.err) == (2, "")
    problems = json.loads(told.out)["problems"]
    assert [problem["key"] for problem in problems] == ["optimizer.momentun", "modl"]
    assert all(f"`{key}`" in PAGE for key in problems[0])


@pytest.mark.parametrize(
    ("command", "closing"),
    [
        ("check", "1 problem in this recipe.\n"),
        ("run", "1 problem in this recipe; nothing was started.\n"),
        ("fetch", "1 problem in this recipe; nothing was downloaded.\n"),
    ],
)
def test_the_closing_line_says_what_did_not_happen(tiny, command, closing):
    answer = tiny(command, "modl=mlp")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.endswith(closing)


def test_a_file_named_in_an_override_lies_in_the_current_folder(toolkit, tmp_path):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (here / "override_net.py").write_text("from torch import nn\nclass Net(nn.Flatten):\n    pass\n")
    (elsewhere / "mine.yaml").write_text("extends: vision/digits\nmodel: ./override_net.py:Net\n")
    for recipe in ("vision/digits", "../elsewhere/mine.yaml"):
        answer = toolkit("check", recipe, "model=./override_net.py:Net", "--allow-code")
        assert (answer.code, answer.err) == (0, "")
    beside = toolkit("check", "../elsewhere/mine.yaml", "--allow-code")
    assert (beside.code, beside.out) == (2, "")
    assert f"there is no file {elsewhere / 'override_net.py'}\n" in beside.err


def test_a_file_that_a_parent_names_lies_beside_the_parent(toolkit, tmp_path):
    here, below = tmp_path / "here", tmp_path / "here" / "below"
    below.mkdir(parents=True)
    (here / "parent_net.py").write_text("from torch import nn\nclass Net(nn.Flatten):\n    pass\n")
    (here / "parent.yaml").write_text("extends: vision/digits\nmodel: ./parent_net.py:Net\n")
    (below / "child.yaml").write_text("extends: ../parent.yaml\nmodel: {start_dim: 1}\n")
    for recipe in ("parent.yaml", "below/child.yaml"):
        answer = toolkit("check", recipe, "--allow-code")
        assert (answer.code, answer.err) == (0, "")


def test_a_package_that_a_component_needs_is_missed_before_anything_is_built(tiny, toolkit, monkeypatch):
    monkeypatch.setattr("toolkit.registry.packages.exists", lambda module: False)
    for command in ("check", "run"):
        answer = tiny(command, "loggers.tensorboard={}", "callbacks.stop={}")
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.splitlines()[0] == (
            "command line: loggers.tensorboard={}   loggers.tensorboard: logger 'tensorboard' (toolkit-core 0.1.0, "
            "pytorch_lightning.loggers:TensorBoardLogger) needs the package tensorboard: pip install tensorboard"
        )
    assert json.loads(toolkit("runs", "--json").out) == []


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


def test_verify_asks_for_a_place_before_it_trains(tiny, tmp_path):
    (tmp_path / "here" / "README.md").write_text("no place")
    answer = tiny("verify", "--write", "README.md")
    assert answer.code == 2
    assert "README.md has no place for results. Put these two lines in it:" in answer.err
    assert not (tmp_path / "here" / "runs").exists()


def test_verify_ends_with_4_where_a_result_differs(tiny, tmp_path):
    recipe = tmp_path / "here" / "tiny.yaml"
    recipe.write_text(TINY.replace(">= 0.05", "> 1"))
    answer = tiny("verify")
    assert answer.code == 4
    assert re.search(r"(?m)^tiny    test/accuracy  0\.\d{4}  > 1       not met$", answer.out)
    assert re.fullmatch(
        r"tiny: test/accuracy is 0\.\d{4}, expected > 1\n1 result differs from what the recipes expect\.\n", answer.err
    )


REMOTE = """\
def remote():
    from toolkit.data import fetch

    # No server listens there.
    fetch("http://127.0.0.1:1/digits.gz", "0" * 64, "acme/digits.gz")
"""


@pytest.fixture
def shelf(tiny, tmp_path, install, monkeypatch):
    """Three recipes in place of the core's: one that trains in a second, one that needs a download, one unreadable."""
    install("acme-data", {"datasets": {"remote": "acme_data:remote"}}, {"acme_data.py": REMOTE})
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "shelf"
    (folder / "vision").mkdir(parents=True)
    digits = (ROOT / "recipes" / "vision" / "digits.yaml").read_text()
    (folder / "vision" / "digits.yaml").write_text(re.sub(r"(?m)^expect:.*\n", "", digits))
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "far.yaml").write_text(f"{TINY}dataset: remote\n")
    (folder / "torn.yaml").write_text("task: {use: classification\n")
    monkeypatch.setattr("toolkit.recipe.locate.core_recipes", lambda: folder)
    return folder


def test_verify_goes_on_without_what_cannot_be_read_or_downloaded(shelf, toolkit):
    answer = toolkit("verify")
    assert answer.code == 0
    unreadable, _, verifying, left_out = answer.err.splitlines()
    assert unreadable.startswith(f"{shelf}/torn.yaml:1:7   this `{{` is never closed")
    assert verifying == "verifying far, tiny"
    assert left_out == (
        "left out: far, not run here: it needs a download, and no server can be reached; "
        "where there is a network: toolkit fetch far"
    )
    results = dict(re.findall(r"(?m)^(far|tiny) .*  (met|not met|not run)$", answer.out))
    assert results == {"far": "not run", "tiny": "met"}


def test_verify_of_what_needs_a_download_is_never_met(shelf, toolkit):
    named = toolkit("verify", "far")
    assert named.code == 4
    assert "far: test/accuracy is absent, expected >= 0.05 (not run here: it needs a download" in named.err
    (shelf / "tiny.yaml").unlink()
    nothing = toolkit("verify")
    assert nothing.code == 2
    assert nothing.err.splitlines()[-1] == "nothing was verified: every recipe needs a download"


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
