"""A class in a file or an importable module is checked, trained and resumed as one that a plugin offers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("undrawn")

NET = '''\
from torch import nn


class Net(nn.Module):
    """A small net.

    Args:
        num_classes: filled from the dataset.
        width: of the hidden layer.
        fails: whether it does.
    """

    def __init__(self, num_classes: int, width: int = 8, fails: bool = False):
        super().__init__()
        if width < 1:
            raise ValueError(f"width is at least 1, not {width}")
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, num_classes))
        self.fails = fails

    def forward(self, inputs):
        if self.fails:
            raise RuntimeError("it was asked to fail")
        return self.layers(inputs)
'''

RECIPE = """\
extends: vision/digits
model: {use: USE, width: 8}
scheduler: null
trainer: {max_epochs: 2, limit_train_batches: 5, accelerator: cpu}
loggers: {wandb: null}
"""

WAYS = {
    "plugin": "packaged_net",
    "file": "./loose_net.py:Net",
    "module": "packaged_nets.net:Net",
}


@pytest.fixture
def ways(toolkit, install, tmp_path):
    """One recipe for each way of naming the same class, and a function that carries out a command with one of them."""
    install(
        "packaged-nets",
        {"models": {"packaged_net": "packaged_nets.net:Net"}},
        {"packaged_nets/__init__.py": "", "packaged_nets/net.py": NET},
    )
    here = tmp_path / "here"
    (here / "loose_net.py").write_text(NET)
    for way, use in WAYS.items():
        (here / f"{way}.yaml").write_text(RECIPE.replace("USE", json.dumps(use)))

    def told(way: str, command: str, *words: str) -> tuple[int, str]:
        """The exit code and the messages, with what must differ taken out."""
        allowed = [] if way == "plugin" else ["--allow-code"]
        answer = toolkit(command, f"./{way}.yaml", *words, *allowed)
        message = answer.err.replace(f"{way}.yaml", "RECIPE.yaml")
        providers = (f"{here / 'loose_net.py'}:Net", "packaged-nets 1.0, packaged_nets.net:Net")
        # The longest first: one begins as another does.
        for named in sorted((*providers, *WAYS.values()), key=len, reverse=True):
            message = message.replace(named, "NET")
        return answer.code, message

    return told


@pytest.mark.parametrize(
    "words",
    [
        ["model.widht=3"],
        ["model.width=wide", "model.depth=2", "optimizer.momentun=0.9"],
        ["model.width=0"],
        ["model.num_classes=null"],
    ],
)
def test_mistakes_are_told_alike(ways, words):
    answers = {way: ways(way, "check", *words, "--deep") for way in WAYS}
    assert answers["plugin"][0] == 2
    assert answers["plugin"][1]
    assert answers["file"] == answers["plugin"]
    assert answers["module"] == answers["plugin"]


def test_a_right_recipe_is_right_in_each_way(ways):
    assert [ways(way, "check", "--deep") for way in WAYS] == [(0, "")] * len(WAYS)


def test_a_failure_is_told_alike(ways, toolkit):
    messages = {}
    for way in WAYS:
        code, message = ways(way, "run", "model.fails=true")
        assert code == 3
        (run,) = json.loads(toolkit("runs", "--json", way).out)
        messages[way] = message.replace(run["id"], "RUN").replace(f"runs/{way}/", "runs/RECIPE/")
    assert "it was asked to fail" in messages["plugin"]
    # Where code was allowed, the command that goes on has to allow it again.
    assert {message.replace(" --allow-code", "") for message in messages.values()} == {messages["plugin"]}


def test_a_resumed_run_equals_one_that_was_not_stopped(ways, toolkit):
    def table(run: str) -> bytes:
        return (Path(json.loads(toolkit("runs", "--json", run).out)[0]["folder"]) / "metrics.csv").read_bytes()

    assert ways("plugin", "run")[0] == 0
    whole = table("plugin")
    for way in WAYS:
        assert ways(way, "run", "trainer.max_epochs=1")[0] == 0
        run = json.loads(toolkit("runs", "--json", way).out)[0]["id"]
        if way != "plugin":
            refused = toolkit("resume", run, "trainer.max_epochs=2")
            assert refused.code == 2
            assert "add --allow-code" in refused.err
        assert table(run) != whole
        allowed = [] if way == "plugin" else ["--allow-code"]
        answer = toolkit("resume", run, "trainer.max_epochs=2", *allowed)
        assert (answer.code, answer.err) == (0, "")
        assert table(run) == whole
