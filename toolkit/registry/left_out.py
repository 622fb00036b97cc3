"""Which plugins are to be left out, as if they were not installed: what ``TOOLKIT_PLUGINS`` and ``--without`` say.

Both are one text in the environment, ``-acme-nets,--without other-nets``: so every process that a command starts leaves
out the same plugins, and each can say by what. Imports nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from toolkit.errors import RequestError, did_you_mean
from toolkit.registry.entry import CORE
from toolkit.registry.names import is_distribution_name, normalised
from toolkit.registry.plugin import Plugin

VARIABLE = "TOOLKIT_PLUGINS"
OPTION = "--without"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A plugin that is installed, and of which nothing is offered."""

    plugin: Plugin
    by: str
    """What leaves it out: ``--without acme-nets``, ``TOOLKIT_PLUGINS=-acme-nets``."""

    def __str__(self) -> str:
        """``acme-nets 1.0 was left out by --without acme-nets``, for messages."""
        return f"{self.plugin} was left out by {self.by}"


def asked() -> dict[str, str]:
    """By normalised name of a distribution, what asks for it to be left out.

    Raises:
        RequestError: ``TOOLKIT_PLUGINS`` holds something else, or the core.
    """
    found: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in os.environ.get(VARIABLE, "").split(","))):
        given = word.removeprefix(OPTION).strip() if word.startswith(f"{OPTION} ") else word.removeprefix("-")
        name = normalised(given)
        if given == word or not is_distribution_name(name):
            raise RequestError(
                f"{VARIABLE}: {word!r} does not leave out a plugin. It takes names with a minus before each: "
                f"{VARIABLE}=-acme-nets,-other-nets"
            )
        by = word if word.startswith(OPTION) else f"{VARIABLE}={word}"
        if name == CORE:
            raise RequestError(f"{by}: {CORE} is the toolkit itself and cannot be left out")
        found.setdefault(name, by)
    return found


def refuse_unknown(wanted: Mapping[str, str], installed: Collection[str]) -> None:
    """Raise RequestError for the first name that no installed plugin has: a slip would leave out nothing in silence."""
    for name, by in wanted.items():
        if name not in installed:
            others = sorted(set(installed) - {CORE})
            hint = did_you_mean(name, others) or " `toolkit plugins` lists those that are."
            raise RequestError(f"{by}: no installed plugin is called {name!r}.{hint}")


@contextmanager
def leaving_out(names: Iterable[str]) -> Iterator[None]:
    """Inside, in this process and in those that it starts, the plugins of these names are left out too.

    Args:
        names: as given to ``--without``.
    """
    before = os.environ.get(VARIABLE)
    words = [f"{OPTION} {name}" for name in names]
    if words:
        os.environ[VARIABLE] = ",".join([*([before] if before else []), *words])
    try:
        yield
    finally:
        if words:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before
