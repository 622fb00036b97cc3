"""Imports the component that an entry names; every failure in doing so is the plugin's and is told as such.

Imports nothing heavy itself.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from toolkit.errors import did_you_mean
from toolkit.registry.code_file import load_file
from toolkit.registry.entry import KINDS, Component, Entry
from toolkit.registry.errors import BrokenComponent
from toolkit.registry.newer import lacking


def load(entry: Entry) -> Component:
    """Import what ``entry`` names.

    Raises:
        BrokenComponent: if its module cannot be imported, whatever the reason, or has no such attribute. The
            author's exception is its ``__cause__``.
        KeyboardInterrupt: if the user interrupts the import.
    """
    try:
        if os.path.isabs(entry.module):
            target: Any = load_file(entry.module)
        else:
            target = importlib.import_module(entry.module)
        for name in filter(None, entry.attribute.split(".")):
            target = _attribute(target, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: whatever a module raises, it must not end the toolkit
        raise _broken(entry, error) from error
    return Component(entry, target)


def describe(error: BaseException, most: int = 300) -> str:
    """``ModuleNotFoundError: No module named 'flash_attn'``: type and text of an exception on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # an author's __str__ may fail too, and must not hide what it was called for
        text = ""
    if len(text) > most:
        text = text[: most - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        if not isinstance(owner, ModuleType) or error.obj is not owner:
            raise
        meant = did_you_mean(name, [each for each in vars(owner) if not each.startswith("_")])
        if not meant:
            raise
        text = f"module {owner.__name__!r} has no attribute {name!r}.{meant}"
        raise AttributeError(text, name=name, obj=owner) from error


def _broken(entry: Entry, error: BaseException) -> BrokenComponent:
    needs = lacking(entry, error)
    reason = needs or describe(error)
    lines = [f"{entry} {needs}" if needs else f"{entry} could not be imported: {reason}"]
    if entry.distribution and entry.kind in KINDS:  # not for listeners or cases, which no recipe names
        lines.append("Only recipes that use it are affected.")
    elif isinstance(error, ModuleNotFoundError) and error.name == entry.module.partition(".")[0]:
        lines.append(f"A file beside the recipe is written ./{error.name}.py:{entry.attribute}")
    return BrokenComponent(entry, "\n".join(lines), reason)
