"""Old names of the plugin API work, and plugins that use them are told: real plugins, in real runs.

Nothing is renamed today, so that the tests put entries into the tables; all else is the way that any run goes.
"""

from __future__ import annotations

import json

import pytest

from toolkit.registry import renamed
from toolkit.registry.renamed import Renamed

NETS = '''
import types

import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch import nn
from toolkit.hooks import hookimpl


class Net(nn.Module):
    """Takes a fact by its old name, and has renamed an argument of its own."""

    renamed = {"hidden_size": "hidden"}

    def __init__(self, classes: int, hidden: int = 4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, inputs):
        return self.layers(inputs)


class Both(Net):
    """Goes with both versions of the toolkit."""

    def __init__(self, num_classes: int = 0, classes: int = 0):
        super().__init__(num_classes)


def data():
    inputs = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    split = (inputs, torch.arange(24) % 3)
    return types.SimpleNamespace(train=split, val=split, test=split, facts={"kind": "multiclass", "num_classes": 3})


class Log(DummyLogger):
    def __init__(self, folder):
        super().__init__()
        print("logs to", bool(folder))


@hookimpl
def toolkit_run_begun(run):
    print("begun", run.id)


@hookimpl
def toolkit_run_finished(outcome):
    print("came to", sorted(outcome.metrics)[0])
'''

LISTENS = "from toolkit.hooks import hookimpl\n"

RECIPE = """\
task: classification
dataset: acme_data
model: {use: acme_net, hidden_size: 5}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
loggers: {acme_log: {}}
trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false}
"""

WHO = "acme-nets 1.0, acme_nets"
NET = f"model 'acme_net' ({WHO}:Net)"


@pytest.fixture
def renames(monkeypatch):
    """The tables as they would be in a release that has renamed one thing of each sort."""
    monkeypatch.setattr(renamed, "HOOKS", {"toolkit_run_begun": Renamed("toolkit_run_started", "0.3")})
    monkeypatch.setattr(renamed, "HOOK_ARGUMENTS", {"toolkit_run_finished": {"outcome": Renamed("result", "0.3")}})
    monkeypatch.setattr(renamed, "ARGUMENTS", {"logger": {"folder": Renamed("save_dir", "0.3")}})
    monkeypatch.setattr(renamed, "FACTS", {"classes": Renamed("num_classes", "0.3"), "kind": Renamed("task", "0.3")})


@pytest.fixture
def acme_nets(install, toolkit, tmp_path):
    install(
        "acme-nets",
        {
            "models": {"acme_net": "acme_nets:Net", "acme_both": "acme_nets:Both"},
            "datasets": {"acme_data": "acme_nets:data"},
            "loggers": {"acme_log": "acme_nets:Log"},
            "hooks": {"watch": "acme_nets"},
        },
        {"acme_nets.py": NETS},
    )
    (tmp_path / "here" / "small.yaml").write_text(RECIPE)
    return toolkit


def now(old: str, new: str) -> str:
    return f"{old!r} is called {new!r} now, and the old name ends with toolkit-core 0.3"


HOOKS_TOLD = [
    f"hooks 'watch' ({WHO}): the hook {now('toolkit_run_begun', 'toolkit_run_started')}",
    f"hooks 'watch' ({WHO}): the argument of toolkit_run_finished {now('outcome', 'result')}",
]
CHECK_TOLD = [
    f"model.hidden_size is called 'hidden' now: {NET} will give up the old name",
    f"{NET}: the argument {now('classes', 'num_classes')}",
    f"logger 'acme_log' ({WHO}:Log): the argument {now('folder', 'save_dir')}",
]
FACTS_TOLD = [f"dataset 'acme_data' ({WHO}:data): the fact {now('kind', 'task')}"]


@pytest.mark.usefixtures("renames")
def test_old_names_work_in_a_run_and_each_is_told_once(acme_nets, tmp_path):
    answer = acme_nets("run", "./small.yaml")
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "here" / "runs" / "small").iterdir()
    assert f"begun {folder.name}" in answer.out
    assert "came to test/loss" in answer.out or "came to" in answer.out
    assert "logs to True" in answer.out
    told = json.loads((folder / "run.json").read_text())["notes"]
    assert told == [*CHECK_TOLD, *FACTS_TOLD, *HOOKS_TOLD]
    for line in told:
        assert answer.out.count(line) == 1
    page = (folder / "recipe.yaml").read_text()
    assert "hidden_size: 5" in page
    assert "num_classes: 3 # from the dataset: num_classes" in " ".join(page.split())
    # The page has the names of today, and goes on with a component that has the old ones.
    assert acme_nets("resume", "last", "trainer.max_epochs=2").code == 0


@pytest.mark.usefixtures("renames")
def test_check_tells_them_too(acme_nets):
    answer = acme_nets("check", "./small.yaml")
    assert (answer.code, answer.err.splitlines()) == (0, CHECK_TOLD)
    assert json.loads(acme_nets("check", "./small.yaml", "--json").out)["notes"] == CHECK_TOLD
    deep = acme_nets("check", "./small.yaml", "--deep")
    assert (deep.code, deep.err.splitlines()) == (0, CHECK_TOLD)
    assert [line.removeprefix("note         ") for line in deep.out.splitlines() if "note " in line] == FACTS_TOLD


@pytest.mark.usefixtures("renames")
def test_who_goes_with_both_versions_is_told_nothing(acme_nets, install, tmp_path):
    install(
        "both-hooks",
        {"hooks": {"watch": "both_hooks"}},
        {
            "both_hooks.py": f"{LISTENS}import pluggy\n"
            "@hookimpl\ndef toolkit_run_begun(run): print('as of old')\n"
            "@hookimpl(optionalhook=True)\ndef toolkit_run_started(run): print('as of today')\n"
        },
    )
    answer = acme_nets("run", "./small.yaml", "model=acme_both")
    assert answer.code == 0, answer.err
    assert "as of today" in answer.out
    assert "as of old" not in answer.out
    (file,) = tmp_path.glob("here/runs/small/*/run.json")
    assert [line for line in json.loads(file.read_text())["notes"] if "both" in line] == []


@pytest.mark.usefixtures("renames")
def test_what_the_recipe_gives_is_the_components_own(acme_nets):
    answer = acme_nets("check", "./small.yaml", "model.classes=3", "model.hidden_size=wide")
    assert answer.code == 2
    assert "model.hidden: expected a whole number, got the text 'wide'" in answer.err
    assert acme_nets("check", "./small.yaml", "model.classes=3").err.splitlines() == [CHECK_TOLD[0], CHECK_TOLD[2]]
    answer = acme_nets("check", "./small.yaml", "model.hidden=3")
    assert "acme_net has no argument 'hidden_size'" in answer.err


@pytest.mark.usefixtures("renames")
def test_a_wrapper_under_an_old_name_wraps_all(acme_nets, install):
    install(
        "a-wrapper",
        {"hooks": {"wrap": "a_wrapper"}},
        {
            "a_wrapper.py": f"{LISTENS}@hookimpl(wrapper=True)\n"
            "def toolkit_run_begun(run):\n    print('before')\n    yield\n    print('after')\n"
        },
    )
    install(
        "z-new",
        {"hooks": {"new": "z_new"}},
        {"z_new.py": f"{LISTENS}@hookimpl\ndef toolkit_run_started(run): print('inside')\n"},
    )
    said = acme_nets("run", "./small.yaml").out
    assert said.index("before") < said.index("inside") < said.index("after")


def test_names_that_were_never_there_are_wrong_as_ever(acme_nets):
    answer = acme_nets("check", "./small.yaml")
    assert answer.code == 2
    assert "acme_net needs the argument 'classes'" in answer.err
    assert "acme_log needs the argument 'folder'" in answer.err
