"""Arguments that a recipe leaves out, for the Tab key: from the cache of signatures. Imports no torch and no plugin.

What was never read is not offered: reading it takes seconds, and `toolkit schema` and `toolkit cp` do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.recipe import Recipe
    from toolkit.registry import Entry, Registry
    from toolkit.schema.described import Argument
    from toolkit.schema.known import Known

AWKWARD = frozenset(" \"'\\`$&|;<>()")
"""Characters that a shell would break a word at, or take for something else."""


def argument_names(
    loaded: Recipe | None, incomplete: str, written: Collection[str], registry: Registry
) -> Iterator[str]:
    """``model.hidden=64``: arguments behind the dot of a component's key, each with its default.

    Args:
        loaded: the recipe, with the overrides before the cursor.
        incomplete: what was typed of the word; behind its ``=`` other values are offered too, where they are few.
        written: keys that the recipe has, which are offered with their present values elsewhere.
        registry: what is installed.
    """
    from toolkit.schema.known import Known

    known = Known(registry)
    for key, entry, words_of in _places(loaded, incomplete, registry):
        for name, argument in _arguments(entry, words_of, known):
            path = f"{key}.{name}"
            if incomplete.startswith(f"{path}="):
                yield from (f"{path}={text}" for text in _texts(argument))
            elif path not in written:
                yield f"{path}={next(_texts(argument), '')}"


def _places(loaded: Recipe | None, incomplete: str, registry: Registry) -> Iterator[tuple[str, Entry, str]]:
    """Keys that were typed with their dot: each with what stands there, and its kind where the core has words."""
    from toolkit.cli.leaves import dotted
    from toolkit.errors import ToolkitError
    from toolkit.recipe.grammar import WORDS
    from toolkit.recipe.needs import components
    from toolkit.schema.known import block_entry

    if incomplete.startswith("trainer."):
        yield "trainer", block_entry("trainer"), ""
    for path, kind, use in components(loaded.values) if loaded is not None else ():
        if loaded is None or not incomplete.startswith(f"{dotted(path)}."):
            continue
        try:
            entry = registry.find(kind, use, shipped_by=loaded.distribution)
        except ToolkitError:
            continue
        yield dotted(path), entry, kind if len(path) == 1 and kind in WORDS else ""


def _arguments(entry: Entry, words_of: str, known: Known) -> Iterator[tuple[str, Argument]]:
    from toolkit.schema.known import block_entry

    told = known.of(entry)
    if told is None:
        return
    yield from told["arguments"].items()
    words = known.of(block_entry("words")) if words_of else None
    for name, word in words["arguments"].items() if words is not None else ():
        kind, _, short = name.partition(".")
        if kind == words_of:
            yield short, word


def _texts(argument: Argument) -> Iterator[str]:
    """The default and then the choices, as one types them; those that would need quotes are left out."""
    from toolkit.recipe.scalars import write_scalar

    values = [argument["default"]] if "default" in argument else []
    texts = [write_scalar(value) for value in (*values, *_choices(argument["schema"])) if not isinstance(value, list)]
    yield from dict.fromkeys(text for text in texts if not set(text) & AWKWARD)


def _choices(schema: Mapping[str, Any]) -> Iterator[Any]:
    for each in schema.get("anyOf", ()):
        yield from each.get("enum", ())
        if "boolean" in each.get("type", ()):
            yield from (True, False)
