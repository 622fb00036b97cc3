"""The second stage of checking: the recipe held against what the built dataset knows about itself.

Runs after the dataset is built and before the model is. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.check.arguments import FROM_CORE
from toolkit.check.blocks import Block, Checked, all_blocks
from toolkit.check.crossfield import check_length
from toolkit.check.report import Report
from toolkit.check.wording import shown
from toolkit.errors import Problem
from toolkit.recipe import DEFAULT
from toolkit.recipe.grammar import FACT_KINDS, TRANSFORMS

_EXACT = ("task", "num_classes", "num_labels", "num_targets")
"""Facts that an argument of the same name must agree with."""

_AT_LEAST = ("vocab_size", "num_users", "num_items")
"""Facts that an argument may exceed (a table padded to a multiple of 8 is faster) but not fall short of."""


def check_facts(
    checked: Checked,
    facts: Mapping[str, Any],
    *,
    is_datamodule: bool = False,
    holds_tensors: bool = True,
    has_val: bool = True,
    steps_per_epoch: int | None = None,
    sized: bool = True,
) -> tuple[Problem, ...]:
    """What is wrong with a recipe now that the data is known.

    Args:
        checked: the recipe after the first stage, in which it had no problems.
        facts: what the dataset knows about itself.
        is_datamodule: whether the dataset is a LightningDataModule.
        holds_tensors: whether there are tensors in its batches.
        has_val: whether there is a ``val`` split.
        steps_per_epoch: optimizer steps in an epoch, where the data says.
        sized: whether the ``train`` split says how many samples it has.
    """
    report = Report(checked.recipe)
    data = checked.blocks["dataset"].name if "dataset" in checked.blocks else "the dataset"
    outer = _outer_blocks(checked)
    for block in all_blocks(outer):
        if block.kind in FACT_KINDS:
            _check_required(block, data, facts, report)
    for block in outer:
        _check_agreement(block, data, facts, report)
    if not has_val:
        _check_val(checked, data, report)
    if is_datamodule:
        _check_loader(checked, data, report)
    if not holds_tensors:
        _check_transforms(checked, data, report)
    if not sized:
        _check_shares(checked, data, report)
    check_length(checked.blocks.get("scheduler"), checked.trainer, steps_per_epoch, report)
    return report.problems()


def _outer_blocks(checked: Checked) -> list[Block]:
    """The components that facts fill, without the parts inside them."""
    blocks = [*checked.blocks.values(), *(block for each in checked.collections.values() for block in each.values())]
    return [block for block in blocks if block.kind in FACT_KINDS]


def _check_required(block: Block, data: str, facts: Mapping[str, Any], report: Report) -> None:
    """A required argument that stage 1 left to the data, and the data does not know."""
    given = (*block.arguments, *facts, *FROM_CORE.get(block.kind, ()))
    for parameter in block.signature.parameters.values():
        if parameter.required and parameter.name not in given:
            known = f"; it knows {', '.join(sorted(facts))}" if facts else ""
            report.at_block(
                block.path,
                f"{block.name} needs {parameter.name!r}, which {data} does not know{known}. "
                f"Set {block.key}.{parameter.name}",
            )


def _check_agreement(block: Block, data: str, facts: Mapping[str, Any], report: Report) -> None:
    """An argument that says something else about the data than the data does."""
    for name, value in block.arguments.items():
        if name not in facts or name not in block.signature.parameters:
            continue
        fact = facts[name]
        path = (*block.path, name)
        if name in _EXACT:
            if value != fact:
                message = f"{shown(value)} contradicts the data: {name} of {data} is {shown(fact)}"
                report.at_value(path, f"{message}; leave it out to have it filled in")
        elif name in _AT_LEAST and isinstance(value, int) and isinstance(fact, int) and value < fact:
            report.at_value(path, f"{shown(value)} is too small for the data: {name} of {data} is {shown(fact)}")


def _check_val(checked: Checked, data: str, report: Report) -> None:
    """Everything that watches validation, where there is none."""
    why = f"{data} has no val split"
    scheduler = checked.blocks.get("scheduler")
    if scheduler is not None:
        monitor = scheduler.words.get("monitor")
        if isinstance(monitor, str) and monitor.startswith("val/"):
            report.at_value((*scheduler.path, "monitor"), f"nothing logs {monitor!r}: {why}")
        elif monitor is None and _follows_a_metric(scheduler.component.target):
            report.at_block(scheduler.path, f"{scheduler.name} needs something to watch, and {why}: set `monitor`")
    for block in checked.collections["callbacks"].values():
        monitor = block.arguments.get("monitor")
        parameter = block.signature.parameters.get("monitor")
        if isinstance(monitor, str) and monitor.startswith("val/"):
            report.at_value((*block.path, "monitor"), f"nothing logs {monitor!r}: {why}")
        elif monitor is None and parameter is not None and parameter.required:
            report.at_block(block.path, f"{block.name} needs something to watch, and {why}: set `monitor`")
    for key in checked.recipe.get("expect") or ():
        if key.startswith("val/"):
            report.at_key(("expect", key), f"nothing logs {key!r}: {why}")


def _follows_a_metric(target: Any) -> bool:
    return isinstance(target, type) and any(base.__name__ == "ReduceLROnPlateau" for base in target.__mro__)


def _check_loader(checked: Checked, data: str, report: Report) -> None:
    for name in checked.loader:
        if checked.recipe.key_place("loader", name) != DEFAULT:
            message = f"the dataset {data!r} is a LightningDataModule, which makes its own loaders; remove this"
            report.at_key(("loader", name), message)


def _check_transforms(checked: Checked, data: str, report: Report) -> None:
    for stage in TRANSFORMS:
        for block in checked.collections[f"transforms.{stage}"].values():
            message = f"the batches of {data!r} hold no tensors, so there is nothing to transform; remove this"
            report.at_key(block.path, message)


def _check_shares(checked: Checked, data: str, report: Report) -> None:
    """Shares of an epoch whose length nobody knows."""
    for name in ("val_check_interval", "limit_train_batches"):
        value = checked.trainer.get(name)
        if isinstance(value, float) and value != 1:
            message = f"{shown(value)} is a share of an epoch, and {data!r} does not say how long one is"
            report.at_value(("trainer", name), f"{message}; give a number of batches")
