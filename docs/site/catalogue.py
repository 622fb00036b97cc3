"""The catalogue: every first-party component and recipe, as registry, signatures and recipes tell of them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from toolkit.check.docstrings import first_sentence
from toolkit.check.signature import KNOWN_KEYWORDS
from toolkit.cli.show_component import as_plain
from toolkit.recipe import RecipeFile, list_recipes, load
from toolkit.recipe.needs import components
from toolkit.registry import ABOUT, CORE, KINDS, BrokenComponent, Entry, Registry, group
from toolkit.registry import load as imported
from toolkit.registry.first_party import FIRST_PARTY, how_to_install
from toolkit.registry.packages import PACKAGES

TORCHMETRICS = tuple(KNOWN_KEYWORDS["torchmetrics.metric", "Metric"])
"""What every metric takes through its base class: told once, and not of each."""

RESULTS = re.compile(r"(?s)<!-- results: begin[^\n]*-->\n(.*?)<!-- results: end -->")


def catalogue(root: Path) -> dict[str, tuple[str, str]]:
    """Title and Markdown of each page, by the name of its file.

    Args:
        root: the repository, whose READMEs hold the results of the recipes.

    Raises:
        LookupError: a first-party plugin is not installed, so that the catalogue would lack it.
    """
    registry = Registry.scan()
    absent = [name for name in FIRST_PARTY if registry.plugin(name) is None]
    if absent:
        raise LookupError("; ".join(f"{name} is not installed: {how_to_install(name)}" for name in absent))
    entries = {kind: [each for each in registry.entries(kind) if _is_ours(each.distribution)] for kind in KINDS}
    recipes = [recipe for recipe in list_recipes(registry) if _is_ours(recipe.distribution)]
    pages = {_file(kind): (_plural(kind).capitalize(), _kind_page(kind, entries[kind])) for kind in KINDS}
    return {
        "index.md": ("Overview", _overview(entries, recipes)),
        "recipes.md": ("Recipes", _recipes_page(recipes, registry, _results(root))),
        **pages,
    }


def _is_ours(distribution: str) -> bool:
    return distribution == CORE or distribution in FIRST_PARTY


def _plural(kind: str) -> str:
    return group(kind).removeprefix("toolkit.")


def _file(kind: str) -> str:
    return f"{_plural(kind)}.md"


def _overview(entries: dict[str, list[Entry]], recipes: Sequence[RecipeFile]) -> str:
    count = sum(map(len, entries.values()))
    names = ", ".join(f"[{recipe.name}](recipes.md#{anchor(recipe.name)})" for recipe in recipes)
    parts = [
        "# Catalogue",
        f"All {count} components and {len(recipes)} recipes of the toolkit and its own plugins. What other plugins "
        "offer beside them in your environment, `toolkit ls` lists.",
        _table(
            ("plugin", "offers", "to install"),
            [(_package(name), _offers(name, entries), _install(name)) for name in (CORE, *FIRST_PARTY)],
        ),
        f"## Recipes ({len(recipes)})",
        names,
    ]
    for kind in KINDS:
        links = (f"[{entry.name}]({_file(kind)}#{anchor(entry.name)})" for entry in entries[kind])
        parts += [
            f"## {_plural(kind).capitalize()} ({len(entries[kind])})",
            ABOUT[kind].purpose,
            ", ".join(links) or "None.",
        ]
    return "\n\n".join(parts) + "\n"


def _package(distribution: str) -> str:
    return f"`{distribution}`" if distribution == CORE else f"[{distribution}](../plugins/{distribution}.md)"


def _offers(distribution: str, entries: dict[str, list[Entry]]) -> str:
    counts = {kind: sum(entry.distribution == distribution for entry in entries[kind]) for kind in KINDS}
    return ", ".join(f"{count} {_plural(kind) if count > 1 else kind}" for kind, count in counts.items() if count)


def _install(distribution: str) -> str:
    """The line that installs a distribution: no package index has them."""
    return "`pip install -e .`" if distribution == CORE else f"`{how_to_install(distribution).rpartition(', ')[2]}`"


def _kind_page(kind: str, entries: Sequence[Entry]) -> str:
    parts = [f"# {_plural(kind).capitalize()}", f"{ABOUT[kind].purpose} [What each must be](../kinds.md#{kind})."]
    if kind == "metric":
        parts.append(f"Those of torchmetrics take these as well: {', '.join(map(_code, TORCHMETRICS))}.")
    for distribution in dict.fromkeys(entry.distribution for entry in entries):
        own = [entry for entry in entries if entry.distribution == distribution]
        parts += [f"## {distribution}", f"In a checkout of the toolkit: {_install(distribution)}"]
        parts += [section for entry in own for section in _component(entry)]
    return "\n\n".join(parts) + "\n"


def _component(entry: Entry) -> Iterator[str]:
    yield f"### {entry.name}"
    try:
        told = as_plain(imported(entry))
    except BrokenComponent as error:  # a newer torch has it
        yield _plain(str(error))
        return
    yield _plain(first_sentence(told["doc"])) or "Its author has not described it."
    packages = PACKAGES.get(entry.value)
    needs = f" Needs `pip install {' '.join(packages)}`." if packages else ""
    yield f"{_code(entry.value)}{needs}"
    rows = [
        (_code(each["name"]), _code(each["type"]), _default(each), each["filled_by"])
        for each in told["arguments"]
        if entry.kind != "metric" or each["name"] not in TORCHMETRICS
    ]
    if rows:
        yield _table(("argument", "type", "default", "filled by"), rows)
    else:
        yield "No arguments."


def _default(argument: dict[str, Any]) -> str:
    if argument["required"]:
        return "required"
    return "" if argument["default"] is None else _code(argument["default"])


def _recipes_page(recipes: Sequence[RecipeFile], registry: Registry, results: dict[str, list[Sequence[str]]]) -> str:
    parts = [
        "# Recipes",
        "What each does, how long it takes, what it reaches, and where that was not run. Results are those of "
        "`toolkit verify`, from runs of the recipes as they are written; `toolkit cp RECIPE` makes a copy to edit.",
    ]
    for folder in dict.fromkeys(recipe.name.partition("/")[0] for recipe in recipes):
        parts.append(f"## {folder}")
        for recipe in recipes:
            if recipe.name.partition("/")[0] == folder:
                parts += _recipe(recipe, registry, results.get(recipe.name, []))
    return "\n\n".join(parts) + "\n"


def _recipe(file: RecipeFile, registry: Registry, results: Sequence[Sequence[str]]) -> Iterator[str]:
    text = file.path.read_text(encoding="utf-8")
    comment = re.match(r"(?:#.*\n)*", text)
    assert comment is not None
    header, body = comment[0], text[comment.end() :]
    yield f"### {file.name}"
    for paragraph in re.split(r"(?m)^#\s*\n", header):
        lines = [line.removeprefix("#").strip() for line in paragraph.splitlines()]
        if lines and all(line.startswith("toolkit ") for line in lines):
            yield "```\n" + "\n".join(lines) + "\n```"
        elif lines:
            yield _plain(" ".join(lines))
    needed = _distributions(file, registry)
    if needed:
        yield f"Needs {' '.join(map(_install, needed))}"
    if results:
        yield _table(("metric", "value", "expected", "time", "run"), [list(map(_plain, row)) for row in results])
    yield f'<details markdown="1"><summary>The recipe</summary>\n\n```yaml\n{body.strip()}\n```\n\n</details>'


def _distributions(file: RecipeFile, registry: Registry) -> list[str]:
    """The plugins whose components a recipe names."""
    values = load(str(file.path), registry=registry).values
    found = {registry.find(kind, use).distribution for _, kind, use in components(values)}
    return sorted(found - {CORE})


def _results(root: Path) -> dict[str, list[Sequence[str]]]:
    """What the results tables of the READMEs say, by recipe: metric, value, expected, time, and which run that was."""
    found: dict[str, list[Sequence[str]]] = {}
    for page in (root / "README.md", *sorted(root.glob("plugins/*/README.md"))):
        for table in RESULTS.findall(page.read_text(encoding="utf-8")):
            for line in table.splitlines()[2:]:
                name, metric, value, expected, checkpoint, time, hardware, date, commit = map(
                    str.strip, line[1:-1].split("|")
                )
                row = (metric, value, expected, time, f"{checkpoint} checkpoint, {hardware}, {date}, {commit}")
                if row not in found.setdefault(name, []):
                    found[name].append(row)
    return found


def _plain(text: str) -> str:
    """Text of an author as Markdown that shows it as it is; code in backticks stays code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        _code(piece[1:-1]) if number % 2 else re.sub(r"([\\*_\[\]#|~])", r"\\\1", html.escape(piece, quote=False))
        for number, piece in enumerate(pieces)
    )


def _code(text: str) -> str:
    """Code as HTML: a `|` in backticks would end a cell of a table."""
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>" if text else ""


def anchor(heading: str) -> str:
    """The anchor that the site gives to a heading: without what is neither a letter, a digit, `_` nor `-`."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(head)}", *lines[1:]])
