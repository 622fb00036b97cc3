"""The reference of kinds says what the code does: the arguments that are given, what is refused, what is looked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolkit.build import BuildError
from toolkit.build.construct import construct
from toolkit.check import resolve
from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.recipe import load
from toolkit.recipe.grammar import FACT_KINDS, WORDS
from toolkit.registry import ABOUT, KINDS, Registry, with_article

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8")

PLACES = {
    "metric": "metrics.mine",
    "callback": "callbacks.mine",
    "logger": "loggers.mine",
    "transform": "transforms.train.mine",
}
"""Where a recipe names a component of a kind that is not a key of its own."""


def section(kind: str) -> str:
    found = re.search(rf"(?ms)^## {kind}\n(.*?)(?=^## |\Z)", PAGE)
    assert found is not None
    return found[1]


def test_every_kind_is_described() -> None:
    assert tuple(ABOUT) == KINDS
    assert set(ABOUT) >= {*FROM_CORE, *FROM_RUN, *FACT_KINDS, *WORDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_what_is_given_and_taken_out(kind: str) -> None:
    (given,) = re.findall(r"(?m)^\| given, and not to be set \| (.*) \|$", section(kind))
    assert re.findall(r"`(\w+)`", given) == list(FROM_CORE.get(kind, ()))
    (filled,) = re.findall(r"(?m)^\| filled \| (.*) \|$", section(kind))
    assert re.findall(r"`(\w+)`", filled) == list(FROM_RUN.get(kind, ()))
    assert ("facts" in filled) == (kind in FACT_KINDS)
    (words,) = re.findall(r"(?m)^\| words that do not reach it \| (.*) \|$", section(kind))
    assert re.findall(r"`(\w+)`", words) == ["use", *WORDS.get(kind, ())]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "part"])
def test_what_makes_something_else_is_told_the_words_of_the_page(kind: str, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("def nothing():\n    return None\n")
    page = tmp_path / "page.yaml"
    page.write_text("extends: vision/digits\n")
    place = PLACES.get(kind, kind)
    recipe = load(str(page), [f"{place}.use={tmp_path}/made.py:nothing"], allow_code=True)
    checked = resolve(recipe, Registry.scan())
    collection, _, label = place.rpartition(".")
    block = checked.collections[collection][label] if collection else checked.blocks[kind]
    with pytest.raises(BuildError) as caught:
        construct(block, {}, {}, recipe=recipe)
    assert str(caught.value).endswith(f"made a NoneType; {with_article(kind)} must be {ABOUT[kind].makes}")
    assert f"| must make | {ABOUT[kind].makes} |" in section(kind)


def test_every_optional_member_is_looked_for_by_the_core() -> None:
    sources = [path for path in (ROOT / "toolkit").rglob("*.py") if path.name != "kinds.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    members = [
        name
        for about in ABOUT.values()
        for member in about.members
        for name in re.findall(r"\w+(?=\(|$| =)", member.name)
    ]
    assert len(members) > 25
    for name in members:
        assert re.search(rf"[.\"]{name}\b", code), name
