"""``toolkit plugins``: what is installed, and everything that is wrong with it, without importing any of it."""

from __future__ import annotations

import json
import sys

import pytest

from toolkit.registry.first_party import FIRST_PARTY


@pytest.fixture
def troubled(acme, install):
    """Beside acme-nets: one that doubles a name of it, and one built for another toolkit."""
    install(
        "other-nets",
        {
            "models": {"acme_net": "json:JSONDecoder"},
            "hooks": {"listen": "json", "gone": "other_nets.hooks:Listener"},
            "recipes": {"other": "other_nets.recipes"},
            "cases": {"tried": "other_nets.cases:CASES"},
        },
    )
    install("old-nets", {"models": {"old": "json:JSONEncoder"}}, requires="toolkit-core<0.1")


@pytest.mark.usefixtures("troubled")
def test_what_they_offer_and_what_is_wrong(toolkit):
    answer = toolkit("plugins")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["plugin", "version", "offers"]
    told = [" ".join(line.split()) for line in lines if "nets" in line]
    assert told == [
        "acme-nets 1.0 2 models, 1 loss, 1 scheduler, recipes",
        "old-nets 1.0 1 model",
        "other-nets 1.0 1 model, recipes, hooks",
        "acme-nets: the scheduler 'acme_wave' names a module that is not there (acme_nets.absent:Wave)",
        "acme-nets: the loss 'mse' is hidden by the core's; write acme-nets/mse",
        "acme-nets: the model 'acme_net' is offered by other-nets too; write acme-nets/acme_net",
        "old-nets: built for another toolkit version: it asks for toolkit-core <0.1, and 0.1.0 is installed",
        "other-nets: the hook 'gone' names a module that is not there (other_nets.hooks:Listener)",
        "other-nets: the cases 'tried' name a module that is not there (other_nets.cases:CASES)",
        "other-nets: the recipes 'other' name a package that is not there (other_nets.recipes)",
        "other-nets: the model 'acme_net' is offered by acme-nets too; write other-nets/acme_net",
    ]
    assert "acme_nets" not in sys.modules


@pytest.mark.usefixtures("troubled")
def test_json_has_the_documented_keys(toolkit, site):
    listed = {told["plugin"]: told for told in json.loads(toolkit("plugins", "--json").out)}
    assert listed["acme-nets"] == {
        "plugin": "acme-nets",
        "version": "1.0",
        "location": str(site / "acme_nets-1.0.dist-info"),
        "components": {"model": ["acme_maker", "acme_net"], "loss": ["mse"], "scheduler": ["acme_wave"]},
        "recipes": {"acme": "acme_nets.recipes"},
        "hooks": {},
        "requires_core": "",
        "built_for_another": False,
        "problems": [],
        "absent": [{"kind": "scheduler", "name": "acme_wave", "value": "acme_nets.absent:Wave"}],
        "hidden": [{"kind": "loss", "name": "mse", "full_name": "acme-nets/mse"}],
        "doubled": [
            {"kind": "model", "name": "acme_net", "full_name": "acme-nets/acme_net", "also_by": ["other-nets"]}
        ],
    }
    assert listed["old-nets"]["built_for_another"] is True
    assert listed["other-nets"]["absent"] == [
        {"kind": "hook", "name": "gone", "value": "other_nets.hooks:Listener"},
        {"kind": "cases", "name": "tried", "value": "other_nets.cases:CASES"},
        {"kind": "recipes", "name": "other", "value": "other_nets.recipes"},
    ]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("columns", [80, 200])
def test_no_line_of_the_table_is_wider_than_the_terminal(toolkit, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = toolkit("plugins").out.splitlines()
    assert max(len(line) for line in lines if ": " not in line) <= columns


def test_imports_are_tried_in_a_child_process(toolkit, acme, install):
    # Without the core's own entries, which would import torch: a core that offers nothing shadows it.
    install("toolkit-core", {"parts": {"none": "json:JSONDecoder"}}, version="0.1.0")
    for name in FIRST_PARTY:
        install(name, version="0.1.0")
    answer = toolkit("plugins", "--import")
    assert answer.code == 0
    tried = [line.split() for line in answer.out.splitlines() if line.startswith(("ok", "broken"))]
    assert {(words[0], words[4]) for words in tried} == {
        ("ok", "toolkit-core/none"),
        ("ok", "acme-nets/acme_maker"),
        ("ok", "acme-nets/acme_net"),
        ("ok", "acme-nets/mse"),
        ("broken", "acme-nets/acme_wave"),
    }
    assert answer.out.endswith(
        "4 ok, 1 broken:\n"
        "  scheduler acme-nets/acme_wave (acme_nets.absent:Wave): "
        "ModuleNotFoundError: No module named 'acme_nets.absent'\n"
    )
    assert "acme_nets" not in sys.modules
    imports = json.loads(toolkit("plugins", "--import", "--json").out)[1]["imports"]
    assert {"kind", "name", "value", "ok", "reason", "seconds"} == set(imports[0])
