"""``toolkit plugins --why``: where a name comes from, what it means, what it hides."""

from __future__ import annotations

import json
import sys

import pytest

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture(autouse=True)
def others(acme, install):
    install(
        "other-nets",
        {
            "models": {"acme_net": "other_nets.deep:Net"},
            "losses": {"mse": "json:JSONEncoder"},
            "hooks": {"listen": "other_nets.hooks:Listener"},
            "recipes": {"other": "other_nets.recipes"},
        },
        {
            "other_nets/__init__.py": "raise AssertionError\n",
            "other_nets/deep.py": "class Net: pass\n",
            "other_nets/hooks.py": "",
            "other_nets/recipes/acme/child.yaml": "# Of the same name.\nextends: vision/digits\n",
            "other_nets/recipes/vision/digits.yaml": "# Hidden by the core's.\nextends: vision/digits\n",
        },
    )


def why(toolkit, *words: str) -> list[list[str]]:
    answer = toolkit("plugins", "--why", *words)
    assert answer.code == 0, answer.err
    return [[" ".join(line.split()) for line in part.splitlines()] for part in answer.out.split("\n\n")]


def test_a_name_that_one_plugin_offers(toolkit, site):
    assert why(toolkit, "acme_maker") == [
        [
            "model acme_maker",
            "plugin acme-nets 1.0",
            "value acme_nets:make",
            f"file {site}/acme_nets/__init__.py",
            "means `acme_maker` is this one",
        ]
    ]
    assert why(toolkit, "Acme_Nets/acme_maker") == why(toolkit, "acme_maker")
    assert "acme_nets" not in sys.modules


def test_what_the_cores_hides(toolkit):
    core, acme, other = why(toolkit, "mse")
    assert core[0] == "loss mse"
    assert core[1:3] == ["plugin toolkit-core 0.1.0", "value torch.nn:MSELoss"]
    assert core[4:] == ["means `mse` is this one", "hides acme-nets/mse, other-nets/mse"]
    assert acme[-1] == "means `mse` is toolkit-core/mse; this one is acme-nets/mse"
    assert other[-1] == "means `mse` is toolkit-core/mse; this one is other-nets/mse"


def test_a_name_of_several(toolkit, site):
    first, second = why(toolkit, "acme_net")
    assert first[-2:] == [
        "means `acme_net` is none of several; this one is acme-nets/acme_net",
        "beside other-nets/acme_net",
    ]
    assert second[1:4] == ["plugin other-nets 1.0", "value other_nets.deep:Net", f"file {site}/other_nets/deep.py"]
    # Where one of them is left out the other is meant.
    first, second = why(toolkit, "acme_net", "--without", "other-nets")
    assert first[-1] == "means `acme_net` is this one"
    assert second[-1] == "unusable left out by --without other-nets"


def test_recipes_hooks_and_plugins(toolkit, site):
    core, other = why(toolkit, "vision/digits")
    assert (core[0], core[1], core[-1]) == (
        "recipe vision/digits",
        "plugin toolkit-core 0.1.0",
        "hides other-nets:vision/digits",
    )
    assert other[-1] == "means `vision/digits` is toolkit-core:vision/digits; this one is other-nets:vision/digits"
    ((_, plugin, value, file, *_),) = why(toolkit, "other-nets:acme/child")
    assert (plugin, value) == ("plugin other-nets 1.0", "value other_nets.recipes")
    assert file == f"file {site}/other_nets/recipes/acme/child.yaml"
    assert why(toolkit, "listen") == [
        ["hook listen", "plugin other-nets 1.0", "value other_nets.hooks:Listener", f"file {site}/other_nets/hooks.py"]
    ]
    assert why(toolkit, "toolkit_run_started")[0][2] == "value toolkit.hooks:Hooks.toolkit_run_started"
    assert why(toolkit, "other-nets") == [
        ["plugin other-nets", "plugin other-nets 1.0", f"file {site}/other_nets-1.0.dist-info"]
    ]


def test_one_that_was_built_for_another_toolkit(toolkit, install):
    install("old-nets", {"models": {"old": "json:JSONEncoder"}}, requires="toolkit-core<0.1")
    ((*_, last),) = why(toolkit, "old")
    assert last == (
        "unusable was built for another toolkit version: "
        "old-nets 1.0 asks for toolkit-core <0.1, and 0.1.0 is installed."
    )


def test_json(toolkit, site):
    (told,) = json.loads(toolkit("plugins", "--why", "acme-nets/acme_net", "--json").out)
    assert told == {
        "kind": "model",
        "name": "acme_net",
        "full_name": "acme-nets/acme_net",
        "plugin": "acme-nets",
        "version": "1.0",
        "value": "acme_nets:Net",
        "file": f"{site}/acme_nets/__init__.py",
        "means": "",
        "hides": [],
        "also_by": ["other-nets/acme_net"],
        "unusable": "",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme_nett", "no installed plugin has anything called 'acme_nett'. Did you mean 'acme_net'?"),
        ("acme-nets/acme_nett", "Did you mean 'acme-nets/acme_net'?"),
        ("visoin/digits", "Did you mean 'vision/digits'?"),
        ("other-net", "Did you mean 'other-nets'?"),
        ("toolkit_run_strated", "Did you mean 'toolkit_run_started'?"),
        ("wholly unlike", "`toolkit ls` lists recipes and components."),
    ],
)
def test_an_unknown_name(toolkit, name, message):
    answer = toolkit("plugins", "--why", name)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_one_question_at_a_time(toolkit):
    answer = toolkit("plugins", "--why", "mse", "--timings")
    assert (answer.code, answer.err) == (
        2,
        "--import, --timings and --why answer different questions: give one of them\n",
    )
