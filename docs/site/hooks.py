"""What MkDocs calls while it builds the documentation site: pages from outside this folder, and those made from code.

The README, the plugins' pages and the changelog stay where they are and are shown from there, their links rewritten;
the catalogue is made from the registry and is never written into this folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import anchor, catalogue
from links import Sources, rewritten

ROOT = Path(__file__).parents[2]
DOCS = "docs"


def _outside() -> dict[str, str]:
    """What the site shows of the repository outside the documentation's folder: places on the site, and files."""
    found = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
    found["examples/index.md"] = "examples/README.md"
    for readme in ROOT.glob("plugins/*/README.md"):
        found[f"plugins/{readme.parent.name}.md"] = f"plugins/{readme.parent.name}/README.md"
    for readme in ROOT.glob("examples/plugins/*/README.md"):
        folder = readme.parent
        found[f"examples/{folder.name}.md"] = f"examples/plugins/{folder.name}/README.md"
        for picture in folder.glob("*.png"):
            found[f"examples/{folder.name}/{picture.name}"] = f"examples/plugins/{folder.name}/{picture.name}"
    return found


OUTSIDE = _outside()

CATALOGUE = "catalogue"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the navigation with what is found: the plugins' pages and the catalogue's."""
    made: dict[str, list[Any]] = {
        "Plugins": _pages_in("plugins"),
        "Examples": _pages_in("examples"),
        "Catalogue": [{title: f"{CATALOGUE}/{name}"} for name, (title, _) in _catalogue().items()],
    }
    nav: list[Any] = []
    for section in config.nav or []:
        ((title, items),) = section.items()
        nav.append({title: items or made[title]})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie elsewhere, and the catalogue."""
    for uri, path in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    for name, (_, text) in _catalogue().items():
        files.append(File.generated(config, f"{CATALOGUE}/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between files of the repository become links between pages of the site."""
    uri = page.file.src_uri
    if uri.startswith(f"{CATALOGUE}/"):
        return markdown
    recipes = (path.relative_to(ROOT) for path in ROOT.glob("recipes/*/*.yaml"))
    shown = {str(path): f"{CATALOGUE}/recipes.md#{anchor(f'{path.parent.name}/{path.stem}')}" for path in recipes}
    sources = Sources({**shown, **{path: uri for uri, path in OUTSIDE.items()}}, DOCS)
    return rewritten(markdown, OUTSIDE.get(uri, f"{DOCS}/{uri}"), uri, sources)


def _pages_in(folder: str) -> list[Any]:
    """Entries of the navigation for pages from outside, an index first."""
    pages = [uri for uri in OUTSIDE if uri.startswith(f"{folder}/") and uri.endswith(".md")]
    pages.sort(key=lambda uri: (not uri.endswith("/index.md"), uri))
    return [uri if uri.endswith("/index.md") else {Path(uri).stem: uri} for uri in pages]


_made: dict[str, tuple[str, str]] = {}


def _catalogue() -> dict[str, tuple[str, str]]:
    """Title and text by file name; made once, because every component is imported for it."""
    if not _made:
        _made.update(catalogue(ROOT))
    return _made
