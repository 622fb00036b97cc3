"""Links between files of the repository, on the site: to pages where there are some, and otherwise the path in text."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "plugins/toolkit-vision/README.md": "plugins/toolkit-vision.md",
    "recipes/vision/digits.yaml": "catalogue/recipes.md#visiondigits",
}


@pytest.fixture(scope="module")
def links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("links", ROOT / "docs" / "site" / "links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "written", "shown"),
    [
        ("README.md", "[a](docs/data.md#streams)", "[a](data.md#streams)"),
        ("README.md", "![a](docs/images/a.png)", "![a](images/a.png)"),
        ("docs/data.md", "[a](runs.md), [b](#c) and [d](https://example.org)", None),
        ("docs/data.md", "[the README](../README.md)", "[the README](index.md)"),
        ("docs/data.md", "[`digits`](../recipes/vision/digits.yaml)", "[`digits`](catalogue/recipes.md#visiondigits)"),
        ("docs/data.md", "[the code](../toolkit/hooks.py)", "the code (`toolkit/hooks.py`)"),
        ("plugins/toolkit-vision/README.md", "[a](../../docs/images/a.png)", "[a](../images/a.png)"),
        ("plugins/toolkit-vision/README.md", "[a](../../README.md)", "[a](../index.md)"),
        ("README.md", "```\n[a](docs/data.md)\n```\n[a](docs/data.md)", "```\n[a](docs/data.md)\n```\n[a](data.md)"),
    ],
)
def test_a_link_leads_to_where_its_file_is_shown(
    links: ModuleType, source: str, written: str, shown: str | None
) -> None:
    uri = PAGES.get(source, source.removeprefix("docs/"))
    assert links.rewritten(written, source, uri, links.Sources(PAGES, "docs")) == (shown or written)
