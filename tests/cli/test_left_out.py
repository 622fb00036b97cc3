"""``--without`` and ``TOOLKIT_PLUGINS`` on the commands: nothing of a plugin is there, in no process of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("undrawn")

LISTENER = """\
import os
from pathlib import Path

from toolkit.hooks import hookimpl


@hookimpl
def toolkit_run_started(run):
    (run.folder.path / f"{__name__}-{os.environ.get('RANK', 'alone')}").touch()


@hookimpl
def toolkit_trainer_options(options):
    options["gradient_clip_val"] = 7.0 if __name__ == "loud_nets" else 1.0
"""

SMALL = """\
# A small network on the digits, for one epoch.
extends: vision/digits
model: {use: mlp, hidden: [8]}
loss: {label_smoothing: 0.0}
scheduler: null
trainer: {max_epochs: 1, accelerator: cpu, gradient_clip_val: null}
loggers: {wandb: null}
"""


@pytest.fixture(autouse=True)
def plugins(install, toolkit, tmp_path, monkeypatch, site):
    """Two plugins with a model of one name, a recipe and a listener each."""
    monkeypatch.delenv("TOOLKIT_PLUGINS", raising=False)
    for name in ("loud-nets", "quiet-nets"):
        module = name.replace("-", "_")
        install(
            name,
            {
                "models": {"shared_net": f"{module}.parts:Net", f"{module}_net": f"{module}.parts:Net"},
                "hooks": {"watch": module},
                "recipes": {"own": f"{module}.recipes"},
            },
            {
                f"{module}/__init__.py": LISTENER,
                f"{module}/parts.py": "class Net: pass\n",
                f"{module}/recipes/{module.partition('_')[0]}/tiny.yaml": SMALL,
            },
        )
    # Ranks and other children see what this process has on its path.
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "here" / "small.yaml").write_text(SMALL)


def names(toolkit, *words: str) -> set[str]:
    listed = json.loads(toolkit("ls", "--json", *words).out)
    return {each["full_name"] for kind in listed.values() for each in kind}


def test_components_and_recipes_are_gone(toolkit):
    own = {"loud-nets/shared_net", "loud-nets/loud_nets_net", "loud-nets:loud/tiny"}
    assert own <= names(toolkit)
    everything = names(toolkit)
    assert everything - names(toolkit, "--without", "loud-nets") == own
    assert {"quiet-nets/shared_net"} < names(toolkit, "--without", "loud-nets")
    assert {
        each for each in names(toolkit, "--without", "loud-nets", "--without", "quiet_nets") if "nets" in each
    } == set()
    assert names(toolkit) == everything  # it does not outlast its command


def test_what_needs_it_says_that_it_was_left_out_and_by_what(toolkit, monkeypatch):
    answer = toolkit("check", "./small.yaml", "model=loud_nets_net", "--without", "loud-nets")
    assert answer.code == 2
    assert answer.err.splitlines()[0].endswith(
        "model: the model 'loud_nets_net' is of a plugin that is not used here: "
        "loud-nets 1.0 was left out by --without loud-nets"
    )
    answer = toolkit("run", "loud/tiny", "--without", "loud-nets")
    assert (answer.code, answer.err) == (
        2,
        "the recipe 'loud/tiny' is of a plugin that is not used here: "
        "loud-nets 1.0 was left out by --without loud-nets\n",
    )
    monkeypatch.setenv("TOOLKIT_PLUGINS", "-loud-nets")
    by = "loud-nets 1.0 was left out by TOOLKIT_PLUGINS=-loud-nets"
    for words in (
        ("show", "loud_nets_net"),
        ("show", "loud/tiny"),
        ("show", "--kind", "model", "loud-nets/loud_nets_net"),
        ("cp", "loud-nets:loud/tiny"),
        ("ls", "--plugin", "loud-nets"),
    ):
        answer = toolkit(*words)
        assert answer.code == 2
        assert by in answer.err
    (Path.cwd() / "needs.yaml").write_text("model: loud_nets_net\ndataset: toolkit-vision/digits\n")
    assert by in toolkit("show", "./needs.yaml").out
    answer = toolkit("plugins")
    assert (answer.code, answer.err.splitlines()[0]) == (0, by)
    assert "loud-nets" not in answer.out


def test_a_first_party_plugin_is_not_said_to_be_absent(toolkit):
    listed = json.loads(toolkit("ls", "recipes", "vision/digits", "--json", "--without", "toolkit-vision").out)
    assert listed["recipes"][0]["needs"] == ["toolkit-vision (left out)"]
    answer = toolkit("check", "vision/digits", "--without", "toolkit-vision")
    assert "pip install" not in answer.err
    assert "toolkit-vision 0.1.0 was left out by --without toolkit-vision" in answer.err


@pytest.mark.parametrize("command", ["ls", "plugins", "verify", "show vision/digits", "check vision/digits"])
def test_a_slip_is_told_whatever_the_command(toolkit, command):
    answer = toolkit(*command.split(), "--without", "loud-net")
    assert (answer.code, answer.err) == (
        2,
        "--without loud-net: no installed plugin is called 'loud-net'. Did you mean 'loud-nets'?\n",
    )
    answer = toolkit(*command.split(), "--without", "toolkit_core")
    assert (answer.code, answer.err) == (
        2,
        "--without toolkit_core: toolkit-core is the toolkit itself and cannot be left out\n",
    )


@pytest.mark.usefixtures("forked_ranks")
def test_no_process_of_a_run_loads_its_listeners_nor_does_a_resume(toolkit):
    words = ("trainer.devices=2", "trainer.strategy=ddp")
    answer = toolkit("run", "./small.yaml", *words, "--without", "loud-nets")
    assert answer.code == 0, answer.err
    (folder,) = Path("runs/small").iterdir()
    heard = {path.name for path in folder.iterdir() if "nets-" in path.name}
    assert heard == {"quiet_nets-0", "quiet_nets-1"}
    record = json.loads((folder / "run.json").read_text())
    assert record["without"] == {"loud-nets": "--without loud-nets"}
    assert "loud-nets" not in record["packages"]
    assert "  without  loud-nets (--without loud-nets)" in answer.out

    # Its listeners would change what is trained: a run that went on with them would be another.
    # More can be left out; that is told as a change.
    answer = toolkit("resume", "last", "trainer.max_epochs=2", "trainer.devices=1", "--without", "quiet-nets")
    assert answer.code == 0, answer.err
    assert "  without  loud-nets (--without loud-nets), quiet-nets (--without quiet-nets)" in answer.out
    assert {path.name for path in folder.iterdir() if "nets-" in path.name} == heard
    record = json.loads((folder / "run.json").read_text())
    assert record["without"] == {
        "loud-nets": "--without loud-nets",
        "quiet-nets": "--without quiet-nets",
    }
    assert "quiet-nets was 1.0 when the run began and is absent now" in record["notes"]


def test_a_run_with_all_of_them_says_nothing(toolkit):
    answer = toolkit("run", "./small.yaml")
    assert answer.code == 0, answer.err
    (folder,) = Path("runs/small").iterdir()
    assert {path.name for path in folder.iterdir() if "nets-" in path.name} == {"loud_nets-alone", "quiet_nets-alone"}
    assert json.loads((folder / "run.json").read_text())["without"] == {}
    assert "  without" not in answer.out
