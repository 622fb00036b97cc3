"""``toolkit show``: a component, a recipe, and why a value is what it is."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.usefixtures("acme")

CHILD = "../site/acme_nets/recipes/acme/child.yaml"


def test_a_component(toolkit, site):
    answer = toolkit("show", "acme_net")
    assert answer.out == (
        "model acme_net\n"
        "  plugin  acme-nets 1.0\n"
        "  value   acme_nets:Net\n"
        f"  file    {site / 'acme_nets' / '__init__.py'}:4\n"
        "\n"
        "  argument     type             default                  filled by\n"
        "  num_classes  int              required                 the dataset\n"
        "  width        int              8\n"
        "  shape        tuple[int, int]  [3, 3]\n"
        "  act          object           <built-in function max>\n"
        "\n"
        "In a recipe the toolkit adds: freeze, init_from.\n"
        "\n"
        "A small net.\n"
        "\n"
        "Args:\n"
        "    width: channels of every layer.\n"
    )
    assert (answer.code, answer.err) == (0, "")
    assert toolkit("show", "acme-nets/acme_net").out == answer.out


def test_a_component_as_json(toolkit, site):
    told = json.loads(toolkit("show", "acme_net", "--json").out)
    assert told["arguments"][1] == {
        "name": "width",
        "type": "int",
        "required": False,
        "default": "8",
        "filled_by": "",
    }
    assert (told["kind"], told["line"], told["usable"]) == ("model", 4, True)
    assert told["file"] == str(site / "acme_nets" / "__init__.py")


def test_classes_are_named_without_their_modules_for_people(toolkit):
    (line,) = [each for each in toolkit("show", "cross_entropy").out.splitlines() if each.startswith("  weight")]
    assert re.match(r"  weight +Tensor \| None +null", line)
    (weight,) = [
        each
        for each in json.loads(toolkit("show", "cross_entropy", "--json").out)["arguments"]
        if each["name"] == "weight"
    ]
    assert weight["type"].startswith("torch.")


def test_a_component_that_cannot_be_imported(toolkit):
    answer = toolkit("show", "acme_wave")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "scheduler 'acme_wave' (acme-nets 1.0, acme_nets.absent:Wave) could not be imported: "
        "ModuleNotFoundError: No module named 'acme_nets.absent'\n"
        "Only recipes that use it are affected.\n"
    )


def test_code_beside_you_needs_permission_and_a_kind(toolkit, tmp_path):
    (tmp_path / "here" / "net.py").write_text("class Net:\n    '''Mine.'''\n")
    assert toolkit("show", "./net.py:Net").err == (
        "'./net.py:Net' is code: say what it is for, such as toolkit show --kind model ./net.py:Net\n"
    )
    assert "--allow-code" in toolkit("show", "--kind", "model", "./net.py:Net").err
    answer = toolkit("show", "--kind", "model", "./net.py:Net", "--allow-code")
    assert "  no arguments\n" in answer.out
    assert answer.out.endswith("\nMine.\n")


def test_a_name_of_several_kinds(toolkit, install):
    install("zeta", {"models": {"twin": "zeta:A"}, "losses": {"twin": "zeta:B"}})
    answer = toolkit("show", "twin")
    assert answer.code == 2
    assert answer.err == (
        "'twin' is a loss and a model. Say which:\n  toolkit show --kind loss twin\n  toolkit show --kind model twin\n"
    )


def test_names_that_lead_nowhere(toolkit):
    assert toolkit("show", "acme_nat").err == (
        "there is no recipe and no component called 'acme_nat'. Did you mean 'acme_net'?\n"
    )
    assert toolkit("show", "qqq").err == (
        "there is no recipe and no component called 'qqq'. `toolkit ls` lists both.\n"
    )
    assert toolkit("show", "--kind", "modle", "acme_net").err == (
        "'modle' is not a kind of component. Did you mean 'model'?\n"
    )
    assert toolkit("show", "acme_net", "lr=1").err == (
        "'acme_net' is not a recipe; only a recipe has overrides and values with a source\n"
    )
    assert "there is no file nosuch.yaml" in toolkit("show", "nosuch.yaml").err


def test_a_recipe_with_the_source_of_every_value(toolkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "site")
    monkeypatch.setenv("WIDTH", "64")
    answer = toolkit("show", "acme/child", "model.width=${oc.env:WIDTH}", "optimizer.momentum=${optimizer.lr}")
    folder = "acme_nets/recipes"
    assert re.sub(" +# ", "  # ", answer.out) == (
        "# A child of the base.\n"
        "# It is short.\n"
        "seed: 0  # toolkit default\n"
        "dataset:\n"
        f"  use: toolkit-audio/wave  # {folder}/base.yaml:3:10, no installed plugin is called 'toolkit-audio'\n"
        "loader:\n"
        "  batch_size: 32  # toolkit default\n"
        "model:\n"
        f"  use: acme_net  # {folder}/base.yaml:2:8, acme-nets 1.0\n"
        '  width: "${oc.env:WIDTH}"  # command line: model.width=${oc.env:WIDTH}, read from the environment\n'
        "optimizer:\n"
        f"  use: sgd  # {folder}/acme/child.yaml:5:18, toolkit-core 0.1.0\n"
        f"  lr: 0.1  # {folder}/acme/child.yaml:5:27\n"
        "  momentum: 0.1  # command line: optimizer.momentum=${optimizer.lr}, written ${optimizer.lr}\n"
        "loggers:\n"
        "  csv:\n"
        "    use: csv  # toolkit default, toolkit-core 0.1.0\n"
        "trainer:\n"
        "  accelerator: auto  # toolkit default\n"
        "  devices: 1  # toolkit default\n"
        "  num_sanity_val_steps: 0  # toolkit default\n"
    )
    assert "64" not in answer.out


def test_code_in_a_recipe_is_called_that_in_a_word(toolkit, tmp_path):
    (tmp_path / "here" / "mine.yaml").write_text("model: ./net.py:Net\n")
    lines = toolkit("show", "mine.yaml").out.splitlines()
    assert '  use: "./net.py:Net"      # mine.yaml:1:8, code that is no plugin\'s' in lines


def test_a_shown_recipe_can_be_loaded_again(toolkit, tmp_path):
    page = toolkit("show", "vision/digits", "optimizer.lr=0.3").out
    (tmp_path / "here" / "again.yaml").write_text(page)
    first = json.loads(toolkit("show", "vision/digits", "optimizer.lr=0.3", "--json").out)
    again = json.loads(toolkit("show", "again.yaml", "--json").out)
    assert again["values"] == first["values"]


def test_a_recipe_as_json(toolkit):
    told = json.loads(toolkit("show", "acme/child", "--json").out)
    assert told["extends"] == ["acme-nets:base"] or told["extends"][0].endswith("base.yaml")
    assert told["values"]["model"] == {"use": "acme_net", "width": 16}
    assert told["sources"]["optimizer.lr"].endswith("child.yaml:5:27")
    assert told["problems"] == []


def test_problems_of_overrides_stand_on_stderr(toolkit):
    answer = toolkit("show", "acme/child", "momentum")
    assert answer.code == 0
    assert answer.err.startswith("command line: momentum   an override is written key=value")


def test_why(toolkit):
    assert toolkit("show", CHILD, "model.width=32", "--why", "model.width").out == (
        "model.width: 32\n  32   command line: model.width=32\n  16   ../site/acme_nets/recipes/acme/child.yaml:4:16\n"
    )
    assert toolkit("show", CHILD, "loader.batch_size=8", "--why", "loader.batch_size").out == (
        "loader.batch_size: 8\n  8    command line: loader.batch_size=8\n  32   toolkit default\n"
    )


def test_why_of_what_an_override_took_away(toolkit):
    answer = toolkit("show", CHILD, "model=acme_maker", "--why", "model.width")
    assert answer.out == (
        "model.width: not set\n"
        "  not set   command line: model=acme_maker\n"
        "  16        ../site/acme_nets/recipes/acme/child.yaml:4:16\n"
    )
    told = json.loads(toolkit("show", CHILD, "model=acme_maker", "--why", "model.width", "--json").out)
    assert told["key"] == "model.width"
    assert told["layers"][0] == {"value": None, "source": "command line: model=acme_maker"}


def test_why_of_a_key_that_is_not_there(toolkit):
    assert toolkit("show", CHILD, "--why", "optimizer.lrr").err == (
        "neither the recipe nor an override sets 'optimizer.lrr'. Did you mean 'optimizer.lr'?\n"
    )
    assert toolkit("show", CHILD, "--why", "optimizer.nesterov").err == (
        "neither the recipe nor an override sets 'optimizer.nesterov'. "
        "The dataset's facts or the default of sgd decide: `toolkit show sgd` tells more.\n"
    )
    assert toolkit("show", CHILD, "--why", "optimizer").err == (
        "'optimizer' holds several values; ask for one of them:\n  --why optimizer.use\n  --why optimizer.lr\n"
    )


@pytest.mark.parametrize("columns", [80, 200])
def test_a_component_fits_the_terminal(toolkit, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = toolkit("show", "acme_net").out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("  file")) <= columns
