"""The files of a new plugin: made from templates all at once, and then written.

Imports Jinja2, and that only when it is called.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import RequestError, shown_path
from toolkit.registry.entry import CORE
from toolkit.scaffold.author import author
from toolkit.scaffold.choice import HOOK, Example
from toolkit.scaffold.names import Names
from toolkit.schema.write import with_editor_line

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A plugin that is about to be written."""

    names: Names
    author: str
    files: Mapping[str, str]
    """By path inside the plugin's folder, the text."""
    recipe: str
    """The name of its recipe: ``acme-nets/bars``."""


def components(names: Names, examples: Sequence[Example]) -> list[tuple[str, str]]:
    """Kind and name of what the examples offer to recipes."""
    return [(each.kind, f"{names.package}_{each.stem}") for each in examples if each.kind != HOOK]


def recipe_name(names: Names, examples: Sequence[Example]) -> str:
    """The recipe is called like the data it trains on."""
    data = next((each.stem for each in examples if each.kind == "dataset"), "digits")
    return f"{names.distribution}/{data}"


def plan(names: Names, examples: Sequence[Example]) -> Scaffold:
    """Everything that a plugin of this name with these examples consists of; nothing is written."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from toolkit.registry.api import api_version, asking_for

    who, recipe, kinds = author(), recipe_name(names, examples), {example.kind for example in examples}
    stem = recipe.rpartition("/")[2]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)  # a string of TOML, too
    values = {
        "name": names.distribution,
        "package": names.package,
        "examples": examples,
        "kinds": kinds,
        "recipe": recipe,
        "core": asking_for(api_version(importlib.metadata.version(CORE))),
        "author": who,
        # What is installed beside the core: the core has neither models nor data.
        "vision": "" if {"model", "dataset"} <= kinds else " ../toolkit/plugins/toolkit-vision",
        "year": datetime.date.today().year,
    }
    package, recipes = names.package, f"{names.package}/recipes/{names.distribution}"
    sources = {
        ".github/workflows/test.yml": "workflow.yml.j2",
        ".gitignore": "gitignore.j2",
        "LICENSE": "LICENSE.j2",
        "README.md": "README.md.j2",
        "pyproject.toml": "pyproject.toml.j2",
        f"{package}/__init__.py": "package/__init__.py.j2",
        **{f"{package}/{each.stem}.py": f"package/{each.stem}.py.j2" for each in examples},
        f"{package}/cases.py": "package/cases.py.j2",
        f"{recipes}/{stem}.yaml": "package/recipe.yaml.j2",
        "tests/test_contract.py": "tests/test_contract.py.j2",
        "tests/test_recipe.py": "tests/test_recipe.py.j2",
    }
    files = {path: environment.get_template(source).render(values) for path, source in sources.items()}
    files[f"{package}/py.typed"] = ""
    page, root = f"{recipes}/{stem}.yaml", Path(names.distribution)
    files[page] = with_editor_line(files[page], root / page, root)
    return Scaffold(names, who, files, recipe)


def write(scaffold: Scaffold, parent: Path) -> Path:
    """Write a plugin into a new folder of its name below ``parent``, and return that folder.

    Raises:
        RequestError: it cannot be written; then nothing of it is left.
    """
    folder = parent / scaffold.names.distribution
    try:
        folder.mkdir()
    except OSError as error:
        raise RequestError(f"{shown_path(folder)} cannot be made: {error.strerror}") from error
    try:
        for path, text in scaffold.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RequestError(f"{shown_path(folder)} cannot be written: {error.strerror}") from error
    return folder
