"""The documentation says what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from toolkit.hooks import HOOKS
from toolkit.recipe import load
from toolkit.recipe.grammar import TOP_LEVEL, WORDS
from toolkit.registry import CORE, KINDS, Registry

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(generate: ModuleType) -> None:
    assert len(generate.PARTS) >= 5
    for page in generate.PARTS:
        assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generate.filled(page), "run docs/generate.py"


def test_every_hook_has_a_listener_of_ours_and_a_section() -> None:
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    core = next(plugin for plugin in Registry.scan().plugins if plugin.distribution == CORE)
    listeners = "".join(
        (ROOT / Path(*value.partition(":")[0].split("."))).with_suffix(".py").read_text() for _, value in core.hooks
    )
    assert len(HOOKS) >= 4
    for hook in HOOKS:
        assert f"## `{hook}(" in page
        assert f"def {hook}(" in listeners, f"no listener of the core uses {hook}"


def test_every_key_word_and_kind_is_documented() -> None:
    recipes = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    kinds = (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8")
    for key in (*TOP_LEVEL, *(word for words in WORDS.values() for word in words)):
        assert f"`{key}`" in recipes, key
    for kind in KINDS:
        assert f"\n## {kind}\n" in kinds, kind


def test_links_lead_somewhere() -> None:
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith("http")
    ]
    assert links
    broken = [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert not broken


def test_the_recipe_in_the_documentation_is_the_shipped_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(# .*?)```", page, re.DOTALL)
    assert block is not None
    file = tmp_path / "page.yaml"
    file.write_text(block[1])
    assert load(str(file)).plain() == load("vision/digits").plain()
