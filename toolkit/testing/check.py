"""A check: one promise of a component, or of a distribution, and what came of looking whether it holds.

Every check is a function whose docstring is the promise. Imports nothing heavy.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.errors import Problem, RequestError, did_you_mean
from toolkit.testing.case import Case

if TYPE_CHECKING:
    from toolkit.testing.subject import Subject

Promise = Callable[["Subject"], None]
"""Raises `Broken`, or anything else, where the promise does not hold, and `DoesNotApply` where it has no meaning."""

Status = Literal["holds", "fails", "known failure", "does not apply"]


class Broken(AssertionError):
    """A promise does not hold; the text says what was found."""


class DoesNotApply(Exception):
    """A promise has no meaning for this component; the text says why."""


class CheckFailed(AssertionError):
    """A promise does not hold; the text names the component, the promise and what was found.

    What the author's code raised is its ``__cause__``; a finding of ours has none, and pytest shows no way to it.
    """

    def __init__(self, text: str, found: str) -> None:
        super().__init__(text)
        self.found = found


@dataclass(frozen=True)
class Check:
    """One promise, to be looked at with one case. Calling it raises `CheckFailed` or `DoesNotApply`."""

    distribution: str
    label: str
    """The name of the case, unique in its distribution: ``model-tiny_mlp``."""
    case: Case
    function: Promise
    suite: tuple[Case, ...]
    """All cases of the distribution."""

    @property
    def name(self) -> str:
        """The check's name, such as ``every_parameter_gets_a_gradient``."""
        return self.function.__name__

    @property
    def id(self) -> str:
        """What selects it: ``model-tiny_mlp-every_parameter_gets_a_gradient``."""
        return f"{self.label}-{self.name}"

    @property
    def promise(self) -> str:
        """What is promised, in words."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    @property
    def known(self) -> str:
        """Why it is known to fail; empty where it is to hold."""
        return self.case.known_failures.get(self.name, "")

    def __call__(self) -> None:
        __tracebackhide__ = True  # pytest: the author's test is where it fails
        from toolkit.testing.subject import subject_of

        if self.case.untested:
            raise DoesNotApply(self.case.untested)
        try:
            with subject_of(self.distribution, self.case, self.suite) as subject:
                self.function(subject)
        except (DoesNotApply, KeyboardInterrupt):
            raise
        # Whatever the author's code raises means that the promise does not hold, SystemExit included.
        except (Exception, SystemExit) as error:
            raise self._failed(found(error)) from (None if isinstance(error, Broken) else error)

    def _failed(self, what: str) -> CheckFailed:
        text = (
            f"{self.case.kind} {self.case.use!r} ({self.distribution}): {self.name} does not hold.\n"
            f"  Promised: {self.promise}\n"
            f"  Found: {what}"
        )
        return CheckFailed(text, what)


def found(error: BaseException) -> str:
    """What an exception says, for the end of a report: our own words as they are, others' with their type."""
    text = str(error).strip()
    problem = getattr(error, "problem", None)
    if isinstance(problem, Problem):
        return problem.text  # without its place, in a file that is gone
    if isinstance(error, (Broken, RequestError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@dataclass(frozen=True)
class Outcome:
    """What came of one check."""

    check: Check
    status: Status
    reason: str
    """Why it fails, is known to fail, or does not apply; empty where it holds."""
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.status != "fails"


def outcome(check: Check) -> Outcome:
    """Look whether a promise holds, as pytest would, and tell instead of raising."""
    started = time.perf_counter()

    def ended(status: Status, reason: str = "") -> Outcome:
        return Outcome(check, status, reason, round(time.perf_counter() - started, 3))

    try:
        check()
    except DoesNotApply as error:
        return ended("does not apply", str(error))
    except CheckFailed as error:
        return ended("known failure", check.known) if check.known else ended("fails", error.found)
    if check.known:
        return ended(
            "fails", f"it holds, and is declared as a known failure ({check.known}): take that out of the case"
        )
    return ended("holds")


def check_known_failures(case: Case, names: tuple[str, ...]) -> None:
    """Raise RequestError where a case declares the failure of a check that there is not."""
    for name in case.known_failures:
        if name not in names:
            raise RequestError(
                f"Case: the known failure {name!r} of {case.kind} {case.use!r} is no check of a {case.kind}."
                + (did_you_mean(name, names) or f" There are {', '.join(names)}.")
            )
