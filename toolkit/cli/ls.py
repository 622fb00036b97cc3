"""``toolkit ls``: recipes, and components by kind with the plugin that offers each. Imports no torch and no plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import Json, examples
from toolkit.errors import RequestError, ToolkitError, did_you_mean

if TYPE_CHECKING:
    from toolkit.recipe import RecipeFile
    from toolkit.registry import Entry, Registry

EXAMPLES = examples(
    "toolkit ls recipes", "toolkit ls models", "toolkit ls --plugin toolkit-vision", "toolkit ls entropy"
)

FEW = 24
"""The overview names all components of a kind that has no more than these, and counts the others."""


def ls(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT",
            help="`recipes` or a kind, such as `models`; any other words must all occur in what is listed.",
            autocompletion=completion.listed,
            show_default=False,
        ),
    ] = None,
    plugin: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="List only what this plugin offers.",
            autocompletion=completion.plugin,
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """List recipes and components with their plugins.

    Nothing is imported: it is read from package metadata.
    """
    from toolkit.registry import KINDS, Registry, group

    registry = Registry.scan()
    if plugin:
        plugin = _distribution(plugin, registry)
    kinds = {name: kind for kind in KINDS for name in (kind, group(kind).removeprefix("toolkit."))}
    names = {**kinds, "recipe": "recipe", "recipes": "recipe"}
    what, *texts = words or [""]
    if what and what not in names:
        what, texts = "", [what, *texts]
    wanted = names.get(what, "")
    recipes = _recipes(registry, plugin, texts) if wanted in ("", "recipe") else []
    entries = _entries(registry, plugin, texts, wanted) if wanted != "recipe" else []
    if words and not recipes and not entries:
        offered = [entry.name for entry in registry.entries() if wanted in ("", entry.kind)]
        hint = did_you_mean(texts[-1], offered if wanted else [*names, *offered]) if texts else ""
        raise RequestError(f"nothing is listed for {' '.join(words)!r}{f' in {plugin}' if plugin else ''}.{hint}")
    if as_json:
        _print_json(recipes, entries, registry)
    elif wanted or texts:
        _print_all(recipes, entries, registry)
    else:
        _print_overview(recipes, entries, registry)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """One recipe as the list shows it."""

    file: RecipeFile
    title: str
    needs: tuple[str, ...]
    problem: str
    """Why it cannot be read; empty if it can."""

    @property
    def told(self) -> str:
        """Its title and what it lacks."""
        needs = f"needs {', '.join(self.needs)}" if self.needs else ""
        return " — ".join(filter(None, (self.title, needs, self.problem)))


def _distribution(name: str, registry: Registry) -> str:
    found = registry.plugin(name)
    if found is None:
        names = [plugin.distribution for plugin in registry.plugins]
        left_out = registry.left_out_plugin(name)
        wrong = f"{left_out}." if left_out else f"no installed plugin is called {name!r}.{did_you_mean(name, names)}"
        raise RequestError(wrong)
    return found.distribution


def _recipes(registry: Registry, plugin: str, texts: list[str]) -> list[_Recipe]:
    from toolkit.recipe import list_recipes

    files = [file for file in list_recipes(registry) if plugin in ("", file.distribution)]
    listed = [_recipe(file, registry) for file in files]
    return [each for each in listed if _has(texts, each.file.full_name, each.title)]


def _recipe(file: RecipeFile, registry: Registry) -> _Recipe:
    from toolkit.recipe import load
    from toolkit.recipe.locate import outdated
    from toolkit.recipe.needs import needs

    wrong = outdated(file, registry)
    if wrong:
        return _Recipe(file, "", (), wrong.splitlines()[0])
    try:
        # By its path: the name would be looked for among all recipes once more.
        recipe = load(str(file.path), registry=registry)
    except ToolkitError as error:
        return _Recipe(file, "", (), f"cannot be read: {str(error).splitlines()[0]}")
    return _Recipe(file, recipe.title, needs(recipe.values, registry), "")


def _entries(registry: Registry, plugin: str, texts: list[str], kind: str) -> list[Entry]:
    from toolkit.registry import KINDS

    entries = [entry for entry in registry.entries() if kind in ("", entry.kind) and plugin in ("", entry.distribution)]
    found = [entry for entry in entries if _has(texts, entry.full_name, entry.value, entry.kind)]
    return sorted(found, key=lambda entry: (KINDS.index(entry.kind), entry.name, entry.distribution))


def _has(texts: list[str], *where: str) -> bool:
    """Whether every one of ``texts`` occurs in one of the others."""
    return all(any(text.lower() in each.lower() for each in where) for text in texts)


def _print_json(recipes: list[_Recipe], entries: list[Entry], registry: Registry) -> None:
    from toolkit.cli.output import print_json

    full_only = _full_only(registry)
    print_json(
        {
            "recipes": [
                {
                    "name": each.file.name,
                    "full_name": each.file.full_name,
                    "plugin": each.file.distribution,
                    "title": each.title,
                    "needs": list(each.needs),
                    "problem": each.problem,
                    "file": str(each.file.path),
                }
                for each in recipes
            ],
            "components": [
                {
                    "kind": entry.kind,
                    "name": entry.name,
                    "full_name": entry.full_name,
                    "plugin": entry.distribution,
                    "version": entry.version,
                    "value": entry.value,
                    "full_name_only": entry in full_only,
                }
                for entry in entries
            ],
        }
    )


def _print_all(recipes: list[_Recipe], entries: list[Entry], registry: Registry) -> None:
    from toolkit.cli.output import Column, heading, table
    from toolkit.registry import KINDS

    _print_recipes(recipes)
    full_only = _full_only(registry)
    columns = (Column("component", "bold"), Column("plugin"), Column("value", "dim", spare=True))
    for kind in KINDS:
        rows = [
            (entry.full_name if entry in full_only else entry.name, entry.distribution, entry.value)
            for entry in entries
            if entry.kind == kind
        ]
        if rows:
            heading(_counted(kind, len(rows)))
            table(columns, rows)


def _print_overview(recipes: list[_Recipe], entries: list[Entry], registry: Registry) -> None:
    from toolkit.cli.output import Column, heading, note, table
    from toolkit.registry import KINDS, group

    _print_recipes(recipes)
    full_only = _full_only(registry)
    rows: list[tuple[str, str, str]] = []
    for kind in KINDS:
        offers: dict[str, list[str]] = {}
        for entry in entries:
            if entry.kind == kind:
                name = entry.full_name if entry in full_only else entry.name
                offers.setdefault(entry.distribution, []).append(name)
        plural = group(kind).removeprefix("toolkit.")
        for distribution, names in offers.items():
            told = ", ".join(names) if len(names) <= FEW else f"{len(names)}: `toolkit ls {plural}` lists them"
            rows.append((plural, distribution, told))
    heading(f"Components ({len(entries)})")
    table((Column("kind", "bold"), Column("plugin", "dim"), Column("components", fold=True)), rows)
    if entries:
        note("`toolkit show NAME` tells all about a recipe or a component.")


def _print_recipes(recipes: list[_Recipe]) -> None:
    from toolkit.cli.output import Column, heading, table

    if not recipes:
        return
    heading(f"Recipes ({len(recipes)})")
    names = [each.file.name for each in recipes]
    table(
        (Column("recipe", "bold"), Column("title", fold=True)),
        [(each.file.name if names.count(each.file.name) == 1 else each.file.full_name, each.told) for each in recipes],
    )


def _counted(kind: str, count: int) -> str:
    from toolkit.registry import group

    return f"{group(kind).removeprefix('toolkit.').capitalize()} ({count})"


def _full_only(registry: Registry) -> set[Entry]:
    """Entries that their short name does not lead to."""
    return {*registry.hidden(), *(entry for offers in registry.doubled().values() for entry in offers)}
