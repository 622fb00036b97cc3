"""A case: one component with arguments to build it from, and what it is given then. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import RequestError, did_you_mean
from toolkit.registry import KINDS

PLUGIN = "plugin"
"""The kind of a case that speaks of the distribution as a whole."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One component as a recipe might use it, for the checks of its kind.

    Raises:
        RequestError: the kind does not exist, or a known failure has no reason.
    """

    kind: str
    """What the component is for, such as ``model``; ``plugin``, with the distribution's name as ``use``, for known
    failures of the distribution as a whole."""
    use: str
    """The component's short name."""
    args: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] = field(default_factory=dict)
    """Its arguments as a recipe would write them; or a function that writes the files which the component reads into
    an empty folder, and returns the arguments."""
    batch: Any = None
    """What it is called with, or a function without arguments that makes it: for a model what ``forward`` gets (a tuple
    is several arguments where ``forward`` takes several), for a loss ``(outputs, targets)``, for a metric what
    ``update`` gets, for a transform a batch, for a part what it is called with. For an optimizer, where it cannot take
    any parameter: a module whose ``forward()`` returns what is to be made small. At least two rows."""
    mask: Any = None
    """For a loss that leaves out part of a batch: a tensor, or a function that makes one, True where the targets of
    ``batch`` count."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """For a task: the other top-level keys of a recipe that trains it, at least ``dataset``. Code may be named
    (``use: pkg.mod:Name``)."""
    run_files: Any = None
    """What a run keeps of its data (bytes by name), or a function that makes it, for a model that has a parameter
    ``run_files``."""
    label: str = ""
    """Tells several cases of one component apart."""
    untested: str = ""
    """Why none of it can be looked at, such as weights that have to be downloaded first: no check applies then."""
    known_failures: Mapping[str, str] = field(default_factory=dict)
    """By the name of a check, why it fails. A check that passes all the same is a failure then."""

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, PLUGIN):
            raise RequestError(f"Case: {self.kind!r} is not a kind of component.{did_you_mean(self.kind, KINDS)}")
        for name, reason in self.known_failures.items():
            if not isinstance(reason, str) or not reason.strip():
                raise RequestError(f"Case: the known failure {name!r} of {self.kind} {self.use!r} needs a reason")


def labelled(cases: Iterable[Case]) -> dict[str, Case]:
    """The cases by a name of their own: the component's, with the case's label or a number where there are several."""
    listed = list(cases)
    found: dict[str, Case] = {}
    for case in listed:
        name = f"{case.kind}-{case.use}" + (f"-{case.label}" if case.label else "")
        number = 1
        while name in found:
            number += 1
            name = f"{case.kind}-{case.use}-{case.label or number}" + (f"-{number}" if case.label else "")
        found[name] = case
    return found
