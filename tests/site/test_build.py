"""The documentation site builds without a warning, fetches nothing from elsewhere, and its catalogue is complete."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from toolkit.recipe import list_recipes
from toolkit.registry import CORE, KINDS, Registry, group
from toolkit.registry.first_party import FIRST_PARTY

ROOT = Path(__file__).parents[2]

FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
"""Attributes whose address a browser fetches by itself."""


class Addresses(HTMLParser):
    """Collects what a page fetches, what it links to, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.fetched += [values[name] for of, name in FETCHED if of == tag and name in values]
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.anchors |= {values[name] for name in ("id", "name") if name in values}


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Addresses]:
    return {path: Addresses(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_there_is_a_page_for_every_document(site: Path) -> None:
    for document in (ROOT / "docs").glob("*.md"):
        assert (site / f"{document.stem}.html").exists(), document.name
    for plugin in FIRST_PARTY:
        assert (site / "plugins" / f"{plugin}.html").exists()
    assert not [path for path in site.rglob("*") if path.suffix in (".py", ".pyc", ".md")]


def test_nothing_is_fetched_from_elsewhere(site: Path, pages: dict[Path, Addresses]) -> None:
    fetched = {address for page in pages.values() for address in page.fetched}
    assert any(address.endswith(".css") for address in fetched)
    assert [address for address in fetched if urlsplit(address).netloc] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)|@import[^;]*//[^;]*;", styles) == []


def broken(pages: dict[Path, Addresses]) -> Iterator[str]:
    for path, page in pages.items():
        for link in (*page.links, *page.fetched):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or (path.name == "404.html" and parts.path.startswith("/")):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{path.name}: {link}"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.name}: {link} (no such anchor)"


def test_every_link_and_anchor_is_there(pages: dict[Path, Addresses]) -> None:
    assert sum(len(page.links) for page in pages.values()) > 1000
    assert sorted(set(broken({path.resolve(): page for path, page in pages.items()}))) == []


def test_the_catalogue_has_every_component_and_recipe(site: Path, pages: dict[Path, Addresses]) -> None:
    registry = Registry.scan()
    ours = (CORE, *FIRST_PARTY)
    for kind in KINDS:
        anchors = pages[site / "catalogue" / f"{group(kind).removeprefix('toolkit.')}.html"].anchors
        names = {entry.name for entry in registry.entries(kind) if entry.distribution in ours}
        assert names, kind
        assert names <= anchors
    recipes = [recipe.name for recipe in list_recipes(registry) if recipe.distribution in ours]
    assert len(recipes) >= 20
    assert {name.replace("/", "") for name in recipes} <= pages[site / "catalogue" / "recipes.html"].anchors


def section(site: Path, page: str, anchor: str) -> str:
    """The text of a section of a page of the catalogue, with its tags left out."""
    text = (site / "catalogue" / page).read_text(encoding="utf-8")
    found = re.search(rf'(?s)<h3 id="{anchor}">(.*?)<h[1-3] id', text)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1]))


def test_a_component_is_shown_with_its_arguments(site: Path) -> None:
    text = section(site, "models.html", "mlp")
    assert "Linear layers with ReLU between them" in text
    assert re.search(r"num_classes int required the dataset", text)
    assert re.search(r"hidden int &#124; Sequence\[int\] 128", text) or "hidden int | Sequence[int] 128" in text


def test_a_recipe_is_shown_with_what_it_does_and_reached(site: Path) -> None:
    text = section(site, "recipes.html", "visiondigits")
    assert "Handwritten digits with a small CNN: test accuracy 0.99" in text
    assert "pip install -e plugins/toolkit-vision" in text
    assert re.search(r"test/accuracy 0\.9\d+ &gt;= 0\.985 \d", text)
    assert "optimizer" in text


def test_nothing_generated_lies_in_the_repository(site: Path) -> None:
    done = subprocess.run(["git", "status", "--porcelain", "docs"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 or "catalogue/" not in done.stdout
