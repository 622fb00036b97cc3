"""What components of every kind promise. Imports torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from os import PathLike
from typing import Any

from toolkit.check import MISSING, Parameter
from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.check.docstrings import argument_docs, docstrings
from toolkit.recipe.recipe import thaw
from toolkit.registry import load
from toolkit.testing.building import builder
from toolkit.testing.check import Broken
from toolkit.testing.rows import same
from toolkit.testing.settings import changed, numbers_state, seed_all, settings
from toolkit.testing.subject import Subject, block_of, entry_of
from toolkit.testing.watch import watching

MAY_DRAW = ("model", "loss", "task", "part", "metric", "transform")
"""Kinds that may hold weights, whose first values are drawn from the global generators."""


def arguments_are_named_and_documented(subject: Subject) -> None:
    """Every argument can be given by name, and the docstring of the component (or of a class above it, or of a
    constructor) names each one that a recipe may set."""
    block = subject.block
    if block.signature.by_position:
        raise Broken(f"{_listed(block.signature.by_position)} can be given by position only")
    if block.signature.open:
        raise Broken("it tells nobody its arguments; give it a signature with names")
    target = load(entry_of(subject)).target
    text = "\n".join(docstrings(target))
    if not text.strip():
        raise Broken("it has no docstring")
    # In whatever form, a sentence too; a dataclass has a text below each name.
    told = {*re.findall(r"\w+", text), *argument_docs(target)}
    absent = [each.name for each in _recipe_parameters(subject) if each.name not in told]
    if absent:
        raise Broken(f"the docstring does not name {_listed(absent)}")


def arguments_are_plain_yaml(subject: Subject) -> None:
    """Every argument of the case and every default is a value that a recipe can hold (numbers, text, lists, mappings,
    null), so that what is used can be written down and read again."""
    block, recipe = block_of(subject.spec, subject.registry, subject.folder)
    read = dict(thaw(recipe.get(*block.path)))
    read.pop("use")
    if read != subject.args:
        wrong = [name for name, value in subject.args.items() if read.get(name, MISSING) != value]
        raise Broken(f"written in a recipe and read again, {_listed(wrong)} would be another value: {read}")
    odd = [each.name for each in _recipe_parameters(subject) if not _is_plain(each.default)]
    if odd:
        defaults = ", ".join(f"{name} = {block.signature.parameters[name].default!r}" for name in odd)
        raise Broken(f"no recipe can say the default of {_listed(odd)}: {defaults}")


def construction_has_no_side_effects(subject: Subject) -> None:
    """Building the component writes no file (temporary ones apart), opens no connection, starts no process and no
    thread, and changes nothing global: no settings of torch or NumPy, no environment variables. Only what may hold
    weights draws random numbers, and nothing seeds the generators itself."""
    build = builder(subject)
    _ = subject.args  # the files that they name are the case's
    allowed = [subject.folder / "case.yaml", *([subject.folder / "cache"] if subject.kind == "dataset" else [])]
    before, ends = settings(), []
    for seed in (1, 2):
        seed_all(seed)
        numbers = numbers_state()
        with watching(subject.folder, *allowed) as watch:
            build(None)
        if watch.done():
            raise Broken("; ".join(dict.fromkeys(watch.done())))
        ends.append(numbers_state())
        drawn = [name for name, state in ends[-1].items() if not same(state, numbers[name])]
        if drawn and subject.kind not in MAY_DRAW:
            raise Broken(f"it draws from or seeds the global generator of random numbers ({', '.join(drawn)})")
    seeded = [name for name in ends[0] if same(ends[0][name], ends[1][name])]
    if seeded:
        raise Broken(f"it seeds the global generator of random numbers ({', '.join(seeded)})")
    others = changed(before)
    if others:
        raise Broken(f"it changes {', '.join(others)}")
    left = [path.name for path in (subject.folder / "work").iterdir()]
    if left:
        raise Broken(f"it leaves {', '.join(left)} in the working folder")


CHECKS = (
    construction_has_no_side_effects,
    arguments_are_named_and_documented,
    arguments_are_plain_yaml,
)


def _recipe_parameters(subject: Subject) -> list[Parameter]:
    """The parameters that a recipe may set."""
    given = (*FROM_CORE.get(subject.kind, ()), *FROM_RUN.get(subject.kind, ()))
    return [each for each in subject.block.signature.parameters.values() if each.name not in given]


def _is_plain(value: Any) -> bool:
    if value is MISSING or value is None or isinstance(value, (bool, int, float, str, PathLike, Enum)):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_plain, value))
    return isinstance(value, Mapping) and all(map(_is_plain, (*value.keys(), *value.values())))


def _listed(names: Any) -> str:
    listed = [repr(name) for name in names]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
