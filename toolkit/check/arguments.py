"""The arguments that a recipe gives a component, held against its signature. Imports and calls nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from toolkit.check.blocks import Block
from toolkit.check.report import Report
from toolkit.check.signature import Parameter
from toolkit.check.types import mismatch
from toolkit.errors import did_you_mean, nearest
from toolkit.recipe import KeyPath
from toolkit.recipe.grammar import RUN_FACTS, TOP_LEVEL

FROM_CORE: Mapping[str, tuple[str, ...]] = {
    "task": ("model", "loss", "optimizer", "scheduler", "metrics", "run_files"),
    "model": ("run_files",),
    "dataset": ("run_files",),
    "optimizer": ("params",),
    "scheduler": ("optimizer",),
    "callback": ("dirpath",),
    "logger": ("save_dir", "name", "version", "id"),
}
"""By kind, the arguments that the core gives; a recipe cannot set them."""

FROM_RUN: Mapping[str, tuple[str, ...]] = {
    "scheduler": (*RUN_FACTS, "T_max", "total_iters"),
    "callback": ("monitor",),
}
"""By kind, the arguments that a run fills where the recipe leaves them out."""

_FEW = 8


class Unresolved:
    """Stands for a component inside an argument that has problems of its own."""

    def __repr__(self) -> str:
        return "UNRESOLVED"


UNRESOLVED = Unresolved()


def check_arguments(block: Block, words: Collection[str], report: Report, is_fact: Callable[[str], bool]) -> None:
    """Report unknown names, values of a wrong type, and required arguments that nobody gives.

    Args:
        block: the component and what it is given.
        words: the core's words at this place, offered for a misspelt name.
        report: where problems go.
        is_fact: whether the data may fill an argument of this name.
    """
    parameters = block.signature.parameters
    given = FROM_CORE.get(block.kind, ())
    offered = [name for name in parameters if name not in given]
    for name, value in block.arguments.items():
        path = (*block.path, name)
        if name in given and (name in parameters or block.signature.open):
            report.at_key(path, _given_by_core(block, name))
        elif name in parameters:
            check_type(value, parameters[name], path, report)
        elif not block.signature.open:
            report.at_key(path, unknown_argument(block.name, name, offered, words))
    if block.signature.by_position:
        names = " and ".join(map(repr, block.signature.by_position))
        message = f"{block.name} takes {names} by position only, and a recipe gives arguments by name"
        report.at_block(block.path, message)
    # A misspelt argument is one mistake, not an unknown one and a missing one.
    meant = [nearest(name, offered) for name in block.arguments if name not in parameters]
    filled = (*given, *FROM_RUN.get(block.kind, ()), *meant)
    absent = [
        repr(parameter.name)
        for parameter in parameters.values()
        if parameter.required
        and parameter.name not in block.arguments
        and parameter.name not in filled
        and not is_fact(parameter.name)
    ]
    if absent:
        listed = f"argument {absent[0]}" if len(absent) == 1 else f"arguments {', '.join(absent[:-1])} and {absent[-1]}"
        report.at_block(block.path, f"{block.name} needs the {listed}")


def unknown_key(name: str, key: str, offered: Collection[str]) -> str:
    """The same for a block of the core's own: ``engine has no key 'kep'. Did you mean 'keep'?``."""
    return f"{name} has no key {key!r}." + (did_you_mean(key, offered) or f" It takes {', '.join(offered)}.")


def check_type(value: Any, parameter: Parameter, path: KeyPath, report: Report) -> None:
    """Report a value that is not of its parameter's type, where inside the value it is wrong."""
    if holds_component(value):
        return
    found = mismatch(value, parameter)
    if found is not None:
        report.at_value((*path, *found.path), found.message)


def unknown_argument(name: str, argument: str, offered: Collection[str], words: Collection[str] = ()) -> str:
    """``sgd has no argument 'momentun'. Did you mean 'momentum'?``, or the arguments there are."""
    start = f"{name} has no argument {argument!r}."
    guess = did_you_mean(argument, (*offered, *words))
    if guess:
        return start + guess
    if not offered:
        return f"{start} It takes none."
    if len(offered) <= _FEW:
        return f"{start} It takes {', '.join(offered)}."
    return f"{start} `toolkit show {name}` lists those it has."


def holds_component(value: Any) -> bool:
    """Whether there is a component anywhere in a value; its type is then left to whoever takes it."""
    if isinstance(value, Mapping):
        return any(holds_component(child) for child in value.values())
    if isinstance(value, list):
        return any(holds_component(child) for child in value)
    return isinstance(value, (Block, Unresolved))


def _given_by_core(block: Block, name: str) -> str:
    if block.kind == "task" and name in TOP_LEVEL:
        return f"a task is given its {name} by the toolkit: write it as the top-level key `{name}`"
    return f"{block.name} is given {name!r} by the toolkit; leave it out"
