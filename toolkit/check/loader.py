"""The block `loader`, value by value. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.check.arguments import unknown_key
from toolkit.check.report import Report
from toolkit.check.signature import signature_of
from toolkit.check.types import mismatch
from toolkit.check.wording import shown
from toolkit.recipe.loader import LEAST, LOADER_KEYS, LoaderSettings


def check_loader(values: Mapping[str, Any], report: Report) -> None:
    """Report unknown keys, and values that are of a wrong type or make no sense."""
    for name, value in values.items():
        message = loader_mistake(name, value)
        if message is not None:
            (report.at_value if name in LOADER_KEYS else report.at_key)(("loader", name), message)


def loader_mistake(name: str, value: Any) -> str | None:
    """What is wrong with one setting; None for a good one."""
    if name not in LOADER_KEYS:
        return unknown_key("loader", name, LOADER_KEYS)
    if name in LEAST and type(value) is int and value < LEAST[name]:
        return f"expected a whole number from {LEAST[name]} up, got {shown(value)}"
    found = mismatch(value, signature_of(LoaderSettings).parameters[name])
    return None if found is None else found.message
