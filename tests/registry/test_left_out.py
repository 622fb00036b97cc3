"""Plugins that are installed and left out: what the environment may say, and that nothing of them is offered."""

from __future__ import annotations

import os

import pytest

from toolkit.errors import RequestError
from toolkit.registry import AbsentComponent, Registry
from toolkit.registry.left_out import VARIABLE, leaving_out


@pytest.fixture(autouse=True)
def nets(install, importable, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    for name in ("acme-nets", "other-nets"):
        install(name, entry_points={"toolkit.models": {"tiny_mlp": "json:JSONDecoder"}, "toolkit.hooks": {"a": "json"}})


def offered() -> set[str]:
    return {plugin.distribution for plugin in Registry.scan().plugins} & {"acme-nets", "other-nets"}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("", {"acme-nets", "other-nets"}),
        ("-acme-nets", {"other-nets"}),
        (" -Acme_Nets , ", {"other-nets"}),
        ("-acme-nets,-other-nets", set()),
        ("-acme-nets,--without other.nets", set()),
    ],
)
def test_what_the_environment_leaves_out(monkeypatch, said, left):
    monkeypatch.setenv(VARIABLE, said)
    assert offered() == left


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("acme-nets", "TOOLKIT_PLUGINS: 'acme-nets' does not leave out a plugin. It takes names with a minus before"),
        ("-", "TOOLKIT_PLUGINS: '-' does not leave out a plugin."),
        ("-acme net", "TOOLKIT_PLUGINS: '-acme net' does not leave out a plugin."),
        (
            "-acme-net",
            "TOOLKIT_PLUGINS=-acme-net: no installed plugin is called 'acme-net'. Did you mean 'acme-nets'?",
        ),
        ("-wholly-other", "`toolkit plugins` lists those that are."),
        ("-toolkit_core", "TOOLKIT_PLUGINS=-toolkit_core: toolkit-core is the toolkit itself and cannot be left out"),
        ("--without toolkit-core", "--without toolkit-core: toolkit-core is the toolkit itself"),
        ("-numpy", "no installed plugin is called 'numpy'"),
    ],
)
def test_what_it_cannot_say(monkeypatch, said, message):
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(RequestError) as caught:
        Registry.scan()
    assert message in str(caught.value)


def test_a_name_that_two_offered_is_clear_without_one_of_them(monkeypatch):
    monkeypatch.setenv(VARIABLE, "-acme-nets")
    registry = Registry.scan()
    assert registry.find("model", "tiny_mlp").full_name == "other-nets/tiny_mlp"
    with pytest.raises(AbsentComponent) as caught:
        registry.find("model", "acme-nets/tiny_mlp")
    assert str(caught.value) == (
        "the model 'tiny_mlp' is of a plugin that is not used here: "
        "acme-nets 1.0 was left out by TOOLKIT_PLUGINS=-acme-nets"
    )


def test_the_option_holds_inside_and_for_what_is_started_inside(monkeypatch):
    monkeypatch.setenv(VARIABLE, "-acme-nets")
    with leaving_out(["other-nets"]):
        assert offered() == set()
        assert [each.by for each in Registry.scan().left_out] == [
            "TOOLKIT_PLUGINS=-acme-nets",
            "--without other-nets",
        ]
        assert os.environ[VARIABLE] == "-acme-nets,--without other-nets"
    assert os.environ[VARIABLE] == "-acme-nets"
    monkeypatch.delenv(VARIABLE)
    with leaving_out([]):
        assert VARIABLE not in os.environ
    with leaving_out(["acme-nets"]):
        assert offered() == {"other-nets"}
    assert VARIABLE not in os.environ


def test_a_scan_of_another_path_is_not_of_this_environment(monkeypatch, site):
    monkeypatch.setenv(VARIABLE, "-acme-nets")
    assert len(Registry.scan([site]).plugins) == 2
