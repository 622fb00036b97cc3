"""``toolkit ls``: what is listed, how it is found, and that nothing is imported for it."""

from __future__ import annotations

import json
import sys

import pytest

pytestmark = pytest.mark.usefixtures("acme")


def test_an_overview_of_a_plugin(toolkit):
    answer = toolkit("ls", "--plugin", "acme_nets")
    assert answer.code == 0
    assert answer.out == (
        "Recipes (2)\n"
        "  acme/child  A child of the base. — needs toolkit-audio\n"
        "  base        A base. — needs toolkit-audio\n"
        "Components (4)\n"
        "  models      acme-nets  acme_maker, acme_net\n"
        "  losses      acme-nets  acme-nets/mse\n"
        "  schedulers  acme-nets  acme_wave\n"
    )
    assert answer.err == "`toolkit show NAME` tells all about a recipe or a component.\n"
    assert "acme_nets" not in sys.modules


def test_one_kind_in_the_singular_and_in_the_plural(toolkit):
    told = "Losses (1)\n  acme-nets/mse  acme-nets  acme_nets:make\n"
    assert toolkit("ls", "losses", "--plugin", "acme-nets").out == told
    assert toolkit("ls", "loss", "--plugin", "acme-nets").out == told


def test_words_must_all_occur(toolkit):
    assert toolkit("ls", "acme", "wave").out == "Schedulers (1)\n  acme_wave  acme-nets  acme_nets.absent:Wave\n"
    assert toolkit("ls", "recipes", "CHILD").out == (
        "Recipes (1)\n  acme/child  A child of the base. — needs toolkit-audio\n"
    )


def test_the_overview_counts_long_lists(toolkit):
    answer = toolkit("ls", "--plugin", "toolkit-core")
    assert "`toolkit ls metrics` lists them" in answer.out
    assert "mean_absolute_error" not in answer.out
    assert "mean_absolute_error" in toolkit("ls", "metrics").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("modles",), "nothing is listed for 'modles'. Did you mean 'models'?\n"),
        (("models", "acme_nat"), "nothing is listed for 'models acme_nat'. Did you mean 'acme_net'?\n"),
        (("models", "xyz"), "nothing is listed for 'models xyz'.\n"),
        (("loggers", "--plugin", "toolkit-vision"), "nothing is listed for 'loggers' in toolkit-vision.\n"),
        (("--plugin", "acme-net"), "no installed plugin is called 'acme-net'. Did you mean 'acme-nets'?\n"),
    ],
)
def test_nothing_found(toolkit, words, told):
    answer = toolkit("ls", *words)
    assert (answer.code, answer.out, answer.err) == (2, "", told)
    assert toolkit("ls", *words, "--json").err == told


def test_json_has_the_documented_keys(toolkit, site):
    listed = json.loads(toolkit("ls", "--plugin", "acme-nets", "--json").out)
    assert listed["recipes"][1] == {
        "name": "base",
        "full_name": "acme-nets:base",
        "plugin": "acme-nets",
        "title": "A base.",
        "needs": ["toolkit-audio"],
        "problem": "",
        "file": str(site / "acme_nets" / "recipes" / "base.yaml"),
    }
    assert listed["components"][2] == {
        "kind": "loss",
        "name": "mse",
        "full_name": "acme-nets/mse",
        "plugin": "acme-nets",
        "version": "1.0",
        "value": "acme_nets:make",
        "full_name_only": True,
    }
    assert json.loads(toolkit("ls", "models", "--json").out)["recipes"] == []


def test_a_broken_recipe_is_listed_with_its_problem(toolkit, site):
    (site / "acme_nets" / "recipes" / "base.yaml").write_text("model: [\n")
    answer = toolkit("ls", "recipes", "--plugin", "acme-nets")
    assert answer.code == 0
    assert "  base        cannot be read: " in answer.out


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("words", [(), ("metrics",), ("recipes",)])
def test_no_line_is_wider_than_the_terminal(toolkit, monkeypatch, columns, words):
    everything = set(toolkit("ls", *words).out.split())
    monkeypatch.setenv("COLUMNS", str(columns))
    answer = toolkit("ls", *words)
    assert max(map(len, answer.out.splitlines())) <= columns
    assert "\x1b" not in answer.out
    # Values are left out where they do not fit; nothing is cut short.
    assert {word for word in everything if ":" not in word} <= set(answer.out.split())
