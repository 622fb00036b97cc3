"""Fills the parts of the documentation that the code knows: facts, entry-point groups, hooks.

    python docs/generate.py

Each part lies between ``<!-- name -->`` and ``<!-- /name -->``. A test asserts that nothing would change.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from toolkit.hooks import HOOKS, Hooks
from toolkit.recipe.grammar import FACTS
from toolkit.registry import KINDS, group, with_article
from toolkit.registry.entry import CASES, RECIPES
from toolkit.registry.entry import HOOKS as LISTENERS

FOLDER = Path(__file__).parent


def facts() -> str:
    """A table of the facts."""
    return "\n".join(["| fact | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in FACTS.items())])


def groups() -> str:
    """A table of the entry-point groups."""
    rows = {**{f"`{kind}`": group(kind) for kind in KINDS}, "recipes": RECIPES, "listeners to hooks": LISTENERS}
    rows["cases to test it with"] = CASES
    return "\n".join(["| what | group |", "|---|---|", *(f"| {what} | `{name}` |" for what, name in rows.items())])


def hooks() -> str:
    """Each hook's signature and docstring."""
    sections = []
    for name in HOOKS:
        hook = getattr(Hooks, name)
        parameters = [parameter for parameter in inspect.signature(hook).parameters if parameter != "self"]
        sections.append(f"## `{name}({', '.join(parameters)})`\n\n{_sentences(inspect.getdoc(hook) or '')}")
    return "\n\n".join(sections)


def promises() -> str:
    """The checks of each kind with what they promise."""
    from toolkit.testing.suite import CHECKS

    common = set.intersection(*(set(checks) for kind, checks in CHECKS.items() if kind != "plugin"))
    kinds = {"every component": [each for each in CHECKS["model"] if each in common]}
    for kind, checks in CHECKS.items():
        named = "the distribution" if kind == "plugin" else f"{with_article(kind)}"
        kinds[named] = [each for each in checks if each not in common]
    return "\n\n".join(
        "\n".join(
            [
                f"**{kind[:1].upper()}{kind[1:]}**",
                "",
                *(f"- `{each.__name__}`: {' '.join((inspect.getdoc(each) or '').split())}" for each in checks),
            ]
        )
        for kind, checks in kinds.items()
    )


def _sentences(docstring: str) -> str:
    """A docstring as Markdown: its arguments as a list."""
    text, _, arguments = docstring.partition("\nArgs:\n")
    items = re.sub(r"(?m)^ {4}(\w+): ", r"- `\1`: ", arguments)
    return f"{text.strip()}\n\n{items}".replace("``", "`").strip()


PARTS = {
    "recipes.md": {"facts": facts},
    "plugins.md": {"groups": groups},
    "hooks.md": {"hooks": hooks},
    "testing-plugins.md": {"promises": promises},
}


def filled(page: str) -> str:
    """The text of a page with its generated parts as they should be now."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    for name, make in PARTS[page].items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        text = f"{before}{start}\n\n{make()}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    for page in PARTS:
        (FOLDER / page).write_text(filled(page), encoding="utf-8")
