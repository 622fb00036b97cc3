"""Kinds of component, and what package metadata says of one component before anything is imported.

Imports nothing of the toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = (
    "task",
    "model",
    "dataset",
    "loss",
    "optimizer",
    "scheduler",
    "metric",
    "transform",
    "callback",
    "logger",
    "part",
)

CORE = "toolkit-core"
"""The distribution whose component names are reserved."""


RECIPES = "toolkit.recipes"
"""The group of packages of YAML files; they are never imported."""

HOOKS = "toolkit.hooks"
"""The group of listeners to the moments of a run."""

CASES = "toolkit.cases"
"""The group of lists of cases, with which a plugin's components are tested (`toolkit.testing`)."""


def group(kind: str) -> str:
    """The entry-point group of a kind: ``loss`` is offered in ``toolkit.losses``."""
    return "toolkit." + {"loss": "losses"}.get(kind, f"{kind}s")


KIND_OF_GROUP = {group(kind): kind for kind in KINDS}
"""The kind that is offered in each entry-point group."""


def with_article(kind: str) -> str:
    """The kind with its article, for messages: ``an optimizer``, ``a loss``."""
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One component as package metadata tells of it. Nothing has been imported yet."""

    kind: str
    name: str
    value: str
    """``module:attribute``."""
    distribution: str
    """Normalised distribution name (PEP 503); empty for code named directly in a recipe (``--allow-code``)."""
    version: str

    @property
    def full_name(self) -> str:
        """``distribution/name``, the name that is never ambiguous."""
        return f"{self.distribution}/{self.name}" if self.distribution else self.name

    @property
    def module(self) -> str:
        """The part of ``value`` before the colon; for code in a file, that file's path."""
        return self.value.rpartition(":")[0] if ":" in self.value else self.value

    @property
    def attribute(self) -> str:
        """The part of ``value`` after the colon, such as ``Net`` or ``Net.from_config``; empty for a module."""
        return self.value.rpartition(":")[2] if ":" in self.value else ""

    @property
    def provider(self) -> str:
        """``acme-nets 1.0, acme_nets:TinyMLP``: who provides this and from where, for messages."""
        if not self.distribution:
            return self.value
        return f"{self.distribution} {self.version}".rstrip() + f", {self.value}"

    def __str__(self) -> str:
        """``model 'tiny_mlp' (acme-nets 1.0, acme_nets:TinyMLP)``, for messages."""
        return f"{self.kind} {self.name!r} ({self.provider})"


@dataclass(frozen=True, slots=True)
class Component:
    """A component that has been imported: its entry and the class or function itself."""

    entry: Entry
    target: Any
