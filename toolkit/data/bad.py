"""Samples that cannot be read: the error that stops a run, and the list of those left out. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.errors import RunError, ToolkitError

LISTED = 20
"""How many of the samples left out are listed with their reasons; the others are only counted."""

NOT_OF_A_SAMPLE = (MemoryError, ToolkitError)
"""Exceptions that say nothing of the sample that was being read: these always stop the run."""


class BadSample(RunError):
    """A sample of a map-style dataset could not be read; the message names its index, its split and the reason."""


def reason_of(error: BaseException) -> str:
    """Why a sample could not be read, in one line: the kind of exception, what it says, the file it names."""
    said = " ".join(str(error).split())
    file = getattr(error, "filename", None)
    named = f" ({file})" if file and str(file) not in said else ""
    return f"{type(error).__name__}: {said}{named}" if said or named else type(error).__name__


def bad_sample(split: str, index: int, reason: str) -> BadSample:
    """The error that stops a run at the sample `index` of a split."""
    return BadSample(
        f"sample {index} of the split {split!r} could not be read: {reason} "
        "(loader.on_bad_sample=skip trains without such samples)"
    )


class LeftOut:
    """The samples that were left out because they could not be read; each is counted once, however often it is met."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}
        """By split: `count`, how many samples were left out, and `first`, the first ones with their reasons. The same
        object throughout, so that who holds it always has the latest."""
        self.note: Callable[[str], None] = lambda text: None
        """Told, once for each split, that samples are being left out."""
        self._found: dict[str, dict[int, str]] = {}

    def add(self, split: str, index: int, reason: str) -> None:
        """Counts a sample, unless it was met before."""
        found = self._found.setdefault(split, {})
        if index in found:
            return
        found[index] = reason
        about = self.record.setdefault(split, {"count": 0, "first": []})
        about["count"] += 1
        if len(about["first"]) < LISTED:
            about["first"].append({"index": index, "reason": reason})
        if about["count"] == 1:
            self.note(
                f"samples of the split {split!r} that cannot be read are left out (loader.on_bad_sample: skip); "
                f"the first is sample {index}: {reason}"
            )

    def state(self) -> dict[str, list[list[Any]]]:
        """All samples left out, by split, as `[index, reason]`, in the plain form that a checkpoint may hold."""
        return {split: [[index, reason] for index, reason in found.items()] for split, found in self._found.items()}

    def merge(self, state: Mapping[str, list[list[Any]]]) -> None:
        """Adds what another process has left out, or this run before it was stopped."""
        for split, found in state.items():
            for index, reason in found:
                self.add(split, index, reason)
