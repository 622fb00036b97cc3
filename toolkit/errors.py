"""Errors a user can make, the exit codes they lead to, and how a wrong place in a recipe is named.

Imports nothing of the toolkit and nothing heavy: every other module may import this one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_REQUEST = 2
EXIT_RUN = 3
EXIT_VERIFY = 4
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a file with line and column (1-based), an override, or the core's defaults."""

    source: str
    line: int | None = None
    column: int | None = None
    via: str = ""
    """How a parent's file was reached, such as ``extends in my.yaml:1``; empty for the recipe itself."""

    def __str__(self) -> str:
        if self.line is None:
            return self.source
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a recipe: where it stands, which key, and what to do about it."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}   {self.text}"

    @property
    def text(self) -> str:
        """What is wrong, without the place."""
        via = f" (from {self.place.via})" if self.place.via else ""
        return (f"{self.key}: " if self.key else "") + self.message + via


class ToolkitError(Exception):
    """The user's request cannot be carried out; printed plainly, without a traceback."""

    exit_code = EXIT_REQUEST


class RequestError(ToolkitError):
    """The request itself is wrong: a name, an argument, a file. Nothing was started."""


class RecipeError(RequestError):
    """A recipe has problems; ``problems`` holds all of them, in the order they stand in."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render_problems(self.problems))


class RunError(ToolkitError):
    """A run started and failed; its folder says why."""

    exit_code = EXIT_RUN


class VerifyError(ToolkitError):
    """``toolkit verify`` found a result that differs from what a recipe expects."""

    exit_code = EXIT_VERIFY


def render_problems(problems: Iterable[Problem]) -> str:
    """The report of all problems: one line each, messages aligned, and a closing line that counts them."""
    listed = list(problems)
    places = [str(problem.place) for problem in listed]
    width = max((len(place) for place in places), default=0)
    lines = [f"{place:<{width}}   {problem.text}" for place, problem in zip(places, listed, strict=True)]
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    return "\n".join([*lines, f"{count} in this recipe; nothing was started."])


def nearest(name: str, offered: Iterable[str]) -> str | None:
    """The name among ``offered`` that ``name`` was most likely meant to be, or None."""
    found = difflib.get_close_matches(name, list(offered), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, offered: Iterable[str]) -> str:
    """``" Did you mean 'x'?"`` with the nearest name, or an empty string."""
    found = nearest(name, offered)
    return f" Did you mean {found!r}?" if found else ""
