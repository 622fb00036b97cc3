"""Fills the parts of the documentation that the code knows: kinds, facts, entry-point groups, hooks.

    python docs/generate.py

Each part lies between ``<!-- name -->`` and ``<!-- /name -->``. A test asserts that nothing would change.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.hooks import HOOKS, TOLD_AFTERWARDS, Hooks
from toolkit.recipe.grammar import BLOCKS, COLLECTIONS, FACT_KINDS, FACTS, WORDS
from toolkit.registry import ABOUT, CASES, KINDS, RECIPES, group, with_article
from toolkit.registry import HOOKS as LISTENERS

FOLDER = Path(__file__).parent


def facts() -> str:
    """A table of the facts."""
    return _table(("fact", "meaning"), [(f"`{name}`", text) for name, text in FACTS.items()])


def groups() -> str:
    """A table of the entry-point groups."""
    rows = {**{f"`{kind}`": group(kind) for kind in KINDS}, "recipes": RECIPES, "listeners to hooks": LISTENERS}
    rows["cases to test it with"] = CASES
    return _table(("what", "group"), [(what, f"`{name}`") for what, name in rows.items()])


def overview() -> str:
    """A table of the kinds: what each is for, and what it must make."""
    rows = [(f"[`{kind}`](kinds.md#{kind})", ABOUT[kind].purpose, ABOUT[kind].makes) for kind in KINDS]
    return _table(("kind", "what it is for", "must make"), rows)


def kinds() -> str:
    """A section for each kind."""
    return "\n\n".join(_kind(kind) for kind in KINDS)


def hooks() -> str:
    """Each hook's signature and docstring, and what becomes of a listener that raises."""
    sections = []
    for name in HOOKS:
        hook = getattr(Hooks, name)
        parameters = [parameter for parameter in inspect.signature(hook).parameters if parameter != "self"]
        text = _sentences(inspect.getdoc(hook) or "")
        raised = _REPORTED if name in TOLD_AFTERWARDS else _ENDS
        sections.append(f"## `{name}({', '.join(parameters)})`\n\n{text}\n\n**An exception:** {raised}")
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


_ENDS = (
    "the run ends with the plugin's name and exit code 3, and listeners that come after this one are not called. "
    "`toolkit_run_failed` is called then, for this plugin too."
)
_REPORTED = (
    "it is printed with the plugin's name and kept among the notes of `run.json`. The other listeners are called, and "
    "result and exit code stay what they are."
)


def _kind(kind: str) -> str:
    about = ABOUT[kind]
    facts_too = ["[facts](recipes.md#facts), where the recipe leaves them unset"] if kind in FACT_KINDS else []
    by_run = [f"{_code(FROM_RUN[kind])}, where the recipe leaves them unset"] if kind in FROM_RUN else []
    rows = [
        ("in a recipe", _place(kind)),
        ("entry points", f"`{group(kind)}`"),
        ("given, and not to be set", _code(FROM_CORE.get(kind, ())) or "nothing"),
        ("filled", "; ".join([*facts_too, *by_run]) or "nothing"),
        ("words that do not reach it", _code(("use", *WORDS.get(kind, ())))),
        ("must make", about.makes),
        ("is called", about.called),
    ]
    parts = [f"## {kind}", about.purpose, _table(("", ""), rows)]
    if about.checked:
        parts += ["Also checked:", "\n".join(f"- {each}" + _end(each, about.checked) for each in about.checked)]
    if about.members:
        parts += [
            "It may have:",
            _table(("on", "member", "what for"), [(one.on, _members(one.name), one.use) for one in about.members]),
        ]
    return "\n\n".join(parts)


def _end(each: str, all_of: Sequence[str]) -> str:
    return "." if each == all_of[-1] else ";"


def _members(names: str) -> str:
    """``state_dict(), load_state_dict(state)`` as two pieces of code."""
    return ", ".join(f"`{name}`" for name in re.split(r", (?![^(]*\))", names))


def _place(kind: str) -> str:
    if kind in BLOCKS:
        return f"the key `{kind}`"
    paths = [".".join(map(str, path)) for path, of in COLLECTIONS.items() if of == kind]
    return f"{_code(paths)}, by label" if paths else "an argument of another component: a mapping with `use`"


def _code(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0].replace("|  |", "| |"), f"|{'---|' * len(head)}", *lines[1:]])


def _sentences(docstring: str) -> str:
    """A docstring as Markdown: its arguments as a list."""
    text, _, arguments = docstring.partition("\nArgs:\n")
    arguments = re.sub(r"\n {8}", "\n  ", arguments)
    items = re.sub(r"(?m)^ {4}(\w+): ", r"- `\1`: ", arguments)
    return f"{text.strip()}\n\n{items}".replace("``", "`").strip()


PARTS = {
    "components.md": {"kinds": overview},
    "hooks.md": {"hooks": hooks},
    "kinds.md": {"kinds": kinds},
    "plugins.md": {"groups": groups},
    "recipes.md": {"facts": facts},
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
