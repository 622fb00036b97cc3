"""``toolkit cp``: a copy that is found, that says the same, and that overwrites nothing."""

from __future__ import annotations

import pytest

from toolkit.recipe import load

LINE = b"# yaml-language-server: $schema=.toolkit/recipe.schema.json"


@pytest.fixture(autouse=True)
def _read_before(acme, signatures, toolkit):
    """What signatures say is in the cache, as after the first copy of an installation."""
    toolkit("schema", "--write")


def test_a_copy_is_the_file_with_its_comments(toolkit, tmp_path):
    answer = toolkit("cp", "vision/digits")
    assert (answer.code, answer.out, answer.err) == (
        0,
        "digits.yaml\n",
        "Run it with: toolkit run ./digits.yaml\n",
    )
    copy = tmp_path / "here" / "digits.yaml"
    assert copy.read_bytes() == LINE + b"\n" + load("vision/digits").file.read_bytes()


def test_nothing_is_overwritten(toolkit, tmp_path):
    file = tmp_path / "here" / "digits.yaml"
    file.write_text("mine\n")
    answer = toolkit("cp", "vision/digits")
    assert (answer.code, answer.err) == (
        2,
        "digits.yaml exists already. Name another file: toolkit cp vision/digits FILE\n",
    )
    assert file.read_text() == "mine\n"


def test_into_another_folder_and_under_a_new_name(toolkit, tmp_path):
    (tmp_path / "here" / "new" / "folder").mkdir(parents=True)
    assert toolkit("cp", "vision/digits", "new/folder/").out == "new/folder/digits.yaml\n"
    assert toolkit("cp", "vision/digits", "new/mine.yaml").err == "Run it with: toolkit run ./new/mine.yaml\n"
    answer = toolkit("cp", "vision/digits", "mine")
    assert (answer.code, answer.err) == (2, "'mine' is neither a folder nor the name of a .yaml file\n")


@pytest.mark.parametrize("destination", ["my recipes/", "my recipes/digits.yaml"])
def test_no_folder_is_made(toolkit, tmp_path, destination):
    answer = toolkit("cp", "vision/digits", destination)
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        "there is no folder my recipes. Make it first: mkdir -p 'my recipes'\n",
    )
    assert [each.name for each in (tmp_path / "here").iterdir()] == [".toolkit"]


def test_a_relative_parent_of_a_shipped_recipe_becomes_its_name(toolkit, tmp_path):
    toolkit("cp", "acme/child")
    copy = tmp_path / "here" / "child.yaml"
    assert 'extends: "acme-nets:base" # the parent\n' in copy.read_text()
    assert load(str(copy)).plain() == load("acme/child").plain()


def test_a_relative_parent_of_a_file_is_found_from_the_new_place(toolkit, tmp_path):
    here = tmp_path / "here"
    (here / "base.yaml").write_text("model: acme_net\n")
    (here / "deep" / "er").mkdir(parents=True)
    (here / "child.yaml").write_bytes(b"# x\r\nextends: base.yaml\r\nmodel: {use: ./net.py:Net}\r\n")
    answer = toolkit("cp", "./child.yaml", "deep/er/copy.yaml")
    assert answer.err == (
        "It names code that lies beside the original: ./net.py:Net. Copy that too, or change `use`.\n"
        "Run it with: toolkit run ./deep/er/copy.yaml\n"
    )
    copy = here / "deep" / "er" / "copy.yaml"
    line = LINE.replace(b".toolkit", b"../../.toolkit")
    assert copy.read_bytes() == line + b"\r\n# x\r\nextends: ../../base.yaml\r\nmodel: {use: ./net.py:Net}\r\n"
    assert load(str(copy)).extends == load(str(here / "child.yaml")).extends or load(str(copy)).extends


def test_a_recipe_that_is_not_there(toolkit):
    answer = toolkit("cp", "vision/digit")
    assert (answer.code, answer.err) == (2, "no recipe is called 'vision/digit'. Did you mean 'vision/digits'?\n")
