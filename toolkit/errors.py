"""Errors a user can make, the exit codes they lead to, and how messages name a place in a recipe, or a file.

Imports nothing of the toolkit and nothing heavy: every other module may import this one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def render_problems(problems: Iterable[Problem], undone: str = "") -> str:
    """The report of all problems: one line each, messages aligned, and a closing line that counts them.

    Args:
        problems: in the order they stand in.
        undone: what did not happen because of them, for the closing line: ``nothing was started``.
    """
    listed = list(problems)
    places = [str(problem.place) for problem in listed]
    width = max((len(place) for place in places), default=0)
    lines = [f"{place:<{width}}   {problem.text}" for place, problem in zip(places, listed, strict=True)]
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    return "\n".join([*lines, f"{count} in this recipe{f'; {undone}' if undone else ''}."])


def shown_path(path: Path) -> str:
    """A path for messages: relative to the current folder where it lies inside, else as it is."""
    try:
        # Links are not followed: a folder is called what the user calls it.
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def nearest(name: str, offered: Iterable[str]) -> str | None:
    """The name among ``offered`` that ``name`` was most likely meant to be, or None; of equals the first offered."""
    # A set has no first, and the same mistake must get the same answer in every process.
    listed = sorted(offered) if isinstance(offered, (set, frozenset)) else list(offered)
    matcher = difflib.SequenceMatcher(b=name)
    ratios: dict[str, float] = {}
    for each in listed:
        matcher.set_seq1(each)
        if matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE:
            ratios[each] = matcher.ratio()
    # ``f1`` is not like ``f1_score``, and is meant to be it all the same.
    return max(ratios, key=ratios.__getitem__, default=_begun(name, listed))


def _begun(name: str, offered: Iterable[str]) -> str | None:
    return min((each for each in offered if name and each.startswith(f"{name}_")), key=len, default=None)


_ALIKE = 0.6
"""From which ratio on two names are alike: what `difflib.get_close_matches` takes too."""


def did_you_mean(name: str, offered: Iterable[str]) -> str:
    """``" Did you mean 'x'?"`` with the nearest name, or an empty string."""
    found = nearest(name, offered)
    return f" Did you mean {found!r}?" if found else ""
