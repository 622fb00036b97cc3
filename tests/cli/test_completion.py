"""What the shell is offered, asked as bash asks: its words are broken at ``=``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from toolkit.cli import main

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def offered(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # Where nobody has read signatures before; whoever runs the tests may have.
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_TOOLKIT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["toolkit", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        return capsys.readouterr().out.split()

    return complete


def test_commands_and_options(offered):
    assert offered("ru") == ["run", "runs"]
    assert offered("check", "--d") == ["--deep"]


def test_names(offered):
    assert offered("run", "acme") == ["acme/child"]
    assert offered("show", "acme") == ["acme/child", "acme-nets/mse", "acme_maker", "acme_net", "acme_wave"]
    assert offered("show", "--kind", "mo") == ["model"]
    assert offered("ls", "mo") == ["models"]
    assert offered("new", "acme-data", "--kind", "ho") == ["hook"]
    assert offered("ls", "--plugin", "acme") == ["acme-nets"]
    assert offered("resume", "la") == ["last"]
    assert offered("run", "acme/child", "--without", "acme") == ["acme-nets"]
    assert offered("ls", "--without", "toolkit-c") == []
    assert offered("plugins", "--why", "acme") == ["acme-nets", "acme/child", "acme_maker", "acme_net", "acme_wave"]
    assert offered("plugins", "--why", "acme-nets/a") == [f"acme-nets/acme_{name}" for name in ("maker", "net", "wave")]


def test_keys_with_their_present_values(offered):
    assert offered("run", "acme/child", "optimizer.") == ["optimizer.lr=0.1"]
    models = {"model.width=16", "model=acme_maker", "model=acme_net"}
    assert models <= set(offered("run", "acme/child", "model"))
    assert offered("show", "acme/child", "--why", "optimizer.") == ["optimizer.lr", "optimizer.use"]
    assert "trainer." in offered("run", "acme/child", "")


def test_components_behind_the_equals_sign(offered):
    assert offered("run", "acme/child", "model", "=", "acme") == ["acme_maker", "acme_net"]
    assert {"acme_maker", "acme_net"} <= set(offered("run", "acme/child", "model", "="))
    # As zsh and fish ask: whole words.
    assert offered("run", "acme/child", "model=acme") == ["model=acme_maker", "model=acme_net"]


def test_labels_of_a_collection(offered):
    assert offered("run", "acme/child", "metrics.f_b") == ["metrics.f_beta_score={}"]
    assert offered("run", "acme/child", "loggers.c") == ["loggers.csv=null"]


@pytest.fixture
def read_before(acme, signatures, toolkit):
    """What signatures say is in the cache."""
    assert toolkit("schema").code == 0


def test_arguments_that_the_recipe_leaves_out(offered, read_before):
    arguments = ["model.act=", "model.num_classes=", "model.shape=", "model.width=16"]
    assert offered("run", "acme/child", "model.") == sorted([*arguments, "model.freeze=", "model.init_from="])
    assert offered("run", "acme/child", "optimizer.mom") == ["optimizer.momentum=0"]
    assert {"optimizer.dampening=0", "optimizer.no_decay=", "optimizer.lr=0.1"} <= set(
        offered("run", "acme/child", "optimizer.")
    )
    assert "trainer.max_epochs=null" in offered("run", "acme/child", "trainer.max")


def test_arguments_of_the_component_that_an_override_names(offered, read_before):
    assert offered("run", "acme/child", "optimizer=adamw", "optimizer.be") == ["optimizer.betas="]
    # As bash has it.
    assert offered("run", "acme/child", "optimizer", "=", "adamw", "optimizer.am") == ["optimizer.amsgrad=false"]
    assert offered("run", "acme/child", "metrics.f1_score={}", "metrics.f1_score.top") == ["metrics.f1_score.top_k=1"]


def test_values_behind_the_equals_sign(offered, read_before):
    assert offered("run", "acme/child", "optimizer.nesterov=") == [
        "optimizer.nesterov=false",
        "optimizer.nesterov=true",
    ]
    assert offered("run", "acme/child", "optimizer.nesterov", "=", "t") == ["true"]
    average = "metrics.f1_score.average="
    values = {f"{average}{each}" for each in ("micro", "macro", "weighted", "none")}
    assert values <= set(offered("run", "acme/child", "metrics.f1_score={}", average))


def test_what_was_never_read_is_not_offered(offered, monkeypatch, tmp_path):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "empty"))
    assert offered("run", "acme/child", "optimizer.") == ["optimizer.lr=0.1"]


SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from toolkit.cli import main
try:
    main([])
finally:
    print(sorted({"torch", "pydantic", "pytorch_lightning", "acme_nets"} & set(sys.modules)), file=sys.stderr)
"""


def test_completing_arguments_imports_nothing_heavy(read_before, tmp_path):
    environment = {
        **os.environ,
        "_TOOLKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": "toolkit\nrun\nacme/child\noptimizer.mom",
        "COMP_CWORD": "3",
    }
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "site")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["optimizer.momentum=0"], "[]\n")


def test_an_unknown_recipe_offers_what_any_recipe_takes(offered):
    assert offered("run", "nosuch", "model=acme") == ["model=acme_maker", "model=acme_net"]
    assert offered("run", "nosuch", "optimizer.") == []
