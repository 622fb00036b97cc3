"""The words that the core takes out of a block before the component sees its arguments. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from toolkit.check.arguments import FROM_CORE, check_type, unknown_argument
from toolkit.check.blocks import Block
from toolkit.check.report import Report
from toolkit.check.signature import Parameter
from toolkit.check.wording import shown

WORD_TYPES: Mapping[tuple[str, str], Any] = {
    ("optimizer", "no_decay"): str | list[str] | None,
    ("optimizer", "groups"): dict[str, dict[str, Any]] | None,
    ("scheduler", "interval"): Literal["step", "epoch"],
    ("scheduler", "frequency"): int | None,
    ("scheduler", "monitor"): str | None,
    ("model", "freeze"): str | list[str] | None,
    ("model", "init_from"): str | None,
}
"""By kind and word, the type of its value."""


def check_words(block: Block, words: Collection[str], report: Report) -> None:
    """Report words of a wrong type, and a component that has a parameter of such a name, which no recipe could set."""
    for name in ("use", *words):
        if name in block.signature.parameters:
            report.at_block(
                block.path,
                f"{block.component.entry} has a parameter {name!r}, a word that the toolkit keeps for itself here; "
                "its author has to give it another name",
            )
    for name, value in block.words.items():
        check_type(value, Parameter(name, WORD_TYPES[block.kind, name]), (*block.path, name), report)
    frequency = block.words.get("frequency")
    if type(frequency) is int and frequency < 1:
        report.at_value((*block.path, "frequency"), f"expected a whole number from 1 up, got {shown(frequency)}")
    if block.kind == "optimizer":
        _check_groups(block, report)


def _check_groups(block: Block, report: Report) -> None:
    """Each group's options are the optimizer's own arguments."""
    groups = block.words.get("groups")
    parameters = block.signature.parameters
    offered = [name for name in parameters if name not in FROM_CORE["optimizer"]]
    for pattern, options in groups.items() if isinstance(groups, dict) else ():
        for name, value in options.items() if isinstance(options, dict) else ():
            path = (*block.path, "groups", pattern, name)
            if name in offered:
                check_type(value, parameters[name], path, report)
            elif not block.signature.open:
                report.at_key(path, unknown_argument(block.name, name, offered))
