"""Puts the schema where an editor finds it, and the line into a recipe that leads there. Imports nothing heavy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit.errors import RequestError, shown_path
from toolkit.recipe import list_recipes
from toolkit.recipe.reader import EDITOR_LINE
from toolkit.registry import Plugin, Registry
from toolkit.schema.gather import Gathered, gather
from toolkit.schema.page import page
from toolkit.tracking.files import write_atomic

FOLDER = ".toolkit"
FILE = "recipe.schema.json"

Reading = Callable[[Sequence[Plugin]], None]


def recipe_schema(registry: Registry, reading: Reading = lambda plugins: None) -> tuple[str, Gathered]:
    """The JSON Schema of recipes as text, and what it was made from.

    Args:
        registry: what is installed.
        reading: told the plugins that have to be imported first, in a child process, because the cache has not them.
    """
    gathered = gather(registry, reading)
    recipes = [recipe for recipe in list_recipes(registry) if recipe.distribution]
    names = list(dict.fromkeys(name for each in recipes for name in (each.name, each.full_name)))
    return json.dumps(page(gathered, registry, names), separators=(",", ":")) + "\n", gathered


def write_schema(folder: Path, registry: Registry, reading: Reading = lambda plugins: None) -> tuple[Path, Gathered]:
    """Write the schema to ``.toolkit/recipe.schema.json`` in a folder, which git is told to leave out.

    Returns:
        The file, and what it was made from: plugins that could not be imported are in it, their arguments left open.

    Raises:
        RequestError: it cannot be written.
    """
    text, gathered = recipe_schema(registry, reading)
    file = folder / FOLDER / FILE
    try:
        file.parent.mkdir(exist_ok=True)
        write_atomic(file.parent / ".gitignore", b"*\n")
        write_atomic(file, text.encode())
    except OSError as error:
        raise RequestError(f"{shown_path(file)} cannot be written: {error.strerror}") from error
    return file, gathered


def with_editor_line(text: str, recipe: Path, folder: Path) -> str:
    """A recipe's text whose first line leads an editor to the schema; one that leads elsewhere is taken out.

    Args:
        text: the recipe's; its line ends stay.
        recipe: the file that the text is for.
        folder: where the schema is, as in `write_schema`.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix(mark).splitlines(keepends=True)
    kept = [line for index, line in enumerate(lines) if not (index == 0 and EDITOR_LINE.match(line))]
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    schema = os.path.relpath(folder.resolve() / FOLDER / FILE, recipe.parent.resolve()).replace(os.sep, "/")
    return f"{mark}# yaml-language-server: $schema={schema}{end}{''.join(kept)}"
