"""The YAML that a recipe may use, and the place of everything it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import Place, Problem, RecipeError
from toolkit.recipe.reader import read_file, read_text


def complaints(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read_text(text, "r.yaml")
    return [f"{problem.place}  {problem.text}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "r.yaml:3:1  a: the key is written twice, first in line 1; keep one"),
        ("a: &x 1\n", "r.yaml:1:4  `&x` is a YAML anchor; recipes refer to values as `${key}`"),
        (
            "a: !!python/name:os.system x\n",
            "r.yaml:1:4  the YAML tag `tag:yaml.org,2002:python/name:os.system` is not",
        ),
        ("a: 1\n---\nb: 2\n", "r.yaml:2:1  a recipe is one document; `---` starts a second one"),
        ("1: a\n", "r.yaml:1:1  a key must be text, got 1; put it in quotes if it is meant"),
        ("true: a\n", "r.yaml:1:1  a key must be text, got true; put it in quotes if it is meant"),
        (
            "? [a]\n: b\n",
            "r.yaml:1:3  a key must be text, got a mapping or list; put it in quotes if it is meant",
        ),
        ("a:\n\tb: 1\n", "r.yaml:2:1  a tab cannot indent YAML; use spaces"),
        ("model: {use: mlp, width: ${seed}}\n", "r.yaml:1:27  inside {...} or [...], put ${...} in quotes"),
        (
            "a: b: c\n",
            "r.yaml:1:5  a second `: ` in one line; put the value in quotes, or the key on a line of its own",
        ),
        ("- a\n", "r.yaml:1:1  a recipe is a mapping of keys such as `task:` and `model:` to values"),
        ("text\n", "r.yaml:1:1  a recipe is a mapping of keys"),
        ("a: [1, 2\n", "r.yaml:1:4  this `[` is never closed; write its `]`"),
        (
            "a: {b: 1\nc: {d: 2}\n",
            "r.yaml:1:4  this `{` is still open in line 2; write its `}`, or the comma that is missing there",
        ),
        ("a: {b: 1]\n", "r.yaml:1:9  a comma is missing before this, or the `}` of the `{` in column 4"),
        ('a: "b\nc: d\n', "r.yaml:1:4  the quote that begins here is never closed"),
        ("a: \x07\n", "r.yaml:1:4  the character U+0007 is not allowed in YAML"),
        ("a: " + "9" * 500, "r.yaml:1:4  a number of 500 digits is too long"),
        ('a: "\\ud800"\n', "r.yaml:1:4  the text holds half of a character (a surrogate)"),
        ("null: a\n", "r.yaml:1:1  a key must be text, got null; put it in quotes if it is meant"),
        ("a: " + "[" * 500 + "]" * 500, "r.yaml:1:33  nested more than 30 levels deep"),
    ],
)
def test_refused_at_its_place(text: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in complaints(text)), complaints(text)


def test_alias_is_refused_beside_its_anchor() -> None:
    assert [line.split()[0] for line in complaints("a: &x 1\nb: *x\n")] == ["r.yaml:1:4", "r.yaml:2:4"]


def test_all_problems_at_once() -> None:
    assert len(complaints("a: &x 1\na: 2\n3: !t 4\n")) == 4


def test_places_of_keys_and_values() -> None:
    root = read_text("model:\n  use: mlp\n  hidden: [64, 32]\n", "r.yaml")
    found = {path: (str(node.key_place), str(node.place)) for path, node in root.walk()}
    assert found["model", "hidden"] == ("r.yaml:3:3", "r.yaml:3:11")
    assert found["model", "hidden", 1][1] == "r.yaml:3:16"


def test_undecodable_file(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("seed: 1\n# caf\u00e9".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"latin.yaml:2:6   byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_file(file, "latin.yaml")


def test_byte_order_mark_and_empty_page(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf# Title\n# more\n")
    root, header = read_file(file, "bom.yaml")
    assert (root.plain(), header) == ({}, "Title\nmore")


def problems_of(text: str) -> tuple[Problem, ...]:
    try:
        read_text(text, "r.yaml")
    except RecipeError as error:
        return error.problems or (Problem(Place("nowhere"), "", "refused without a reason"),)
    return ()


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(list("{}[]:,&*!|>'\"%@`#-? \n\tab1~$")), max_size=40).map("".join))
)
def test_any_text_is_read_or_refused_at_a_line(text: str) -> None:
    assert all(problem.place.line for problem in problems_of(text))
