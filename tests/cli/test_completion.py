"""What the shell is offered, asked as bash asks: its words are broken at ``=``."""

from __future__ import annotations

import pytest

from toolkit.cli import main

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def offered(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

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


def test_keys_with_their_present_values(offered):
    assert offered("run", "acme/child", "optimizer.") == ["optimizer.lr=0.1"]
    assert offered("run", "acme/child", "model") == ["model.width=16", "model=acme_maker", "model=acme_net"] or {
        "model.width=16",
        "model=acme_maker",
        "model=acme_net",
    } <= set(offered("run", "acme/child", "model"))
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


def test_an_unknown_recipe_offers_what_any_recipe_takes(offered):
    assert offered("run", "nosuch", "model=acme") == ["model=acme_maker", "model=acme_net"]
    assert offered("run", "nosuch", "optimizer.") == []
