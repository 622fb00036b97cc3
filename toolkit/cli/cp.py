"""``toolkit cp``: a recipe into your own folder to edit. Imports no torch and no plugin."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.arguments import RecipeName, examples
from toolkit.cli.schema import leave_schema
from toolkit.errors import RequestError, shown_path

if TYPE_CHECKING:
    from toolkit.recipe import RecipeFile
    from toolkit.recipe.node import Node
    from toolkit.registry import Registry

EXAMPLES = examples("toolkit cp vision/digits", "toolkit cp vision/digits mine/digits.yaml")


def cp(
    recipe: RecipeName,
    destination: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The new file, or a folder to put it in; where it is left out, the current folder.",
            show_default=False,
        ),
    ] = ".",
) -> None:
    """Copy a recipe into a file of your own, to edit.

    No file is overwritten. A parent that the recipe extends is still found from the new place. Its first line leads an
    editor to the schema of recipes, which is written to .toolkit in the current folder.
    """
    from toolkit.cli.output import note, say
    from toolkit.recipe import find_recipe
    from toolkit.recipe.reader import read_file
    from toolkit.registry import Registry
    from toolkit.schema.write import with_editor_line

    registry = Registry.scan()
    found = find_recipe(recipe, registry)
    target = _target(destination, found)
    root, _ = read_file(found.path, shown_path(found.path))
    if not target.parent.is_dir():
        folder = shown_path(target.parent)
        raise RequestError(f"there is no folder {folder}. Make it first: mkdir -p {shlex.quote(folder)}")
    # Beside a copy that lies elsewhere; else once for all that lie in or below the current folder.
    project = Path.cwd() if target.resolve().is_relative_to(Path.cwd()) else target.parent
    text = _with_parent(_read(found.path), root, found, target, registry)
    text = with_editor_line(text, target, project)
    try:
        with target.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise RequestError(
            f"{shown_path(target)} exists already. Name another file: toolkit cp {recipe} FILE"
        ) from None
    except OSError as error:
        raise RequestError(f"{shown_path(target)} cannot be written: {error.strerror}") from error
    name = shown_path(target)
    say(f"{name}")
    code = sorted({str(node.value) for path, node in root.walk() if path[-1:] == ("use",) and _is_relative(node.value)})
    if code:
        note(f"It names code that lies beside the original: {', '.join(code)}. Copy that too, or change `use`.")
    note(f"Run it with: toolkit run {name if os.path.isabs(name) else f'./{name}'}")
    leave_schema(project, registry)


def _target(destination: str, found: RecipeFile) -> Path:
    path = Path(destination).expanduser()
    if path.is_dir() or destination.endswith("/"):
        return path / found.path.name
    if path.suffix != ".yaml":
        raise RequestError(f"{destination!r} is neither a folder nor the name of a .yaml file")
    return path


def _read(path: Path) -> str:
    # Not read_text: a copy keeps its line ends.
    return path.read_bytes().decode("utf-8")


def _with_parent(text: str, root: Node, found: RecipeFile, target: Path, registry: Registry) -> str:
    """The text with a parent that still leads to the same file from the new folder."""
    import yaml

    parent = (root.mapping or {}).get("extends")
    if parent is None or not (_is_relative(parent.value) or str(parent.value).endswith(".yaml")):
        return text
    new = _name_of_parent(str(parent.value), found, target, registry)
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        start = token.start_mark
        is_it = (start.line + 1, start.column + 1) == (parent.place.line, parent.place.column)
        if is_it and isinstance(token, yaml.ScalarToken):
            return text[: start.index] + new + text[token.end_mark.index :]
    return text


def _name_of_parent(written: str, found: RecipeFile, target: Path, registry: Registry) -> str:
    from toolkit.recipe import find_recipe, list_recipes
    from toolkit.recipe.scalars import write_scalar

    path = find_recipe(written, registry, relative_to=found.path.parent).path.resolve()
    shipped = next((each for each in list_recipes(registry) if each.path.resolve() == path), None)
    if shipped is not None:
        return write_scalar(shipped.full_name)
    relative = os.path.relpath(path, target.parent.resolve())
    return write_scalar(relative if relative.startswith(".") else f"./{relative}")


def _is_relative(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("./", "../"))
