"""What has to be changed in one sequence to make it another. Imports NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Edit(NamedTuple):
    """One place of an alignment: `said` is None where something was left out, `meant` where something was added."""

    meant: str | None
    said: str | None


def edits(meant: Sequence[str], said: Sequence[str]) -> list[Edit]:
    """An alignment with the fewest changes (Levenshtein, 1966), what is the same and what is not, in order.

    Of several that with the most that is the same.
    """
    # More than there can be places: one change more counts more than all that is not the same.
    change = len(meant) + len(said) + 1
    costs = np.zeros((len(meant) + 1, len(said) + 1), dtype=np.int64)
    costs[:, 0] = change * np.arange(len(meant) + 1)
    costs[0] = change * np.arange(len(said) + 1)
    for row, one in enumerate(meant, start=1):
        for column, other in enumerate(said, start=1):
            changed = costs[row - 1, column - 1] + (one != other) * (change + 1)
            costs[row, column] = min(changed, costs[row - 1, column] + change, costs[row, column - 1] + change)
    found: list[Edit] = []
    row, column = len(meant), len(said)
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + (meant[row - 1] != said[column - 1]) * (change + 1):
            row, column = row - 1, column - 1
            found.append(Edit(meant[row], said[column]))
        elif row and here == costs[row - 1, column] + change:
            row -= 1
            found.append(Edit(meant[row], None))
        else:
            column -= 1
            found.append(Edit(None, said[column]))
    return found[::-1]


def marked(reference: str, transcript: str) -> str:
    """The words of a reference with what became of them: `the [cat > bat] sat [- right] down [+ there]`."""
    return " ".join(_mark(edit) for edit in edits(reference.split(), transcript.split()))


def _mark(edit: Edit) -> str:
    if edit.said is None:
        return f"[- {edit.meant}]"
    if edit.meant is None:
        return f"[+ {edit.said}]"
    return edit.meant if edit.meant == edit.said else f"[{edit.meant} > {edit.said}]"
