"""The block `expect`: results that a recipe reaches, such as ``test/accuracy: ">= 0.98"``. Imports nothing heavy."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.check.report import Report
from toolkit.check.wording import shown
from toolkit.recipe.grammar import EXPECTATION, RESULT

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of `expect`: a comparison with a number."""

    comparison: str
    """``>=``, ``<=``, ``==``, ``>`` or ``<``."""
    value: float

    def met_by(self, result: float) -> bool:
        """Whether a result is as expected; one that is not a number never is."""
        return _COMPARE[self.comparison](result, self.value)

    def __str__(self) -> str:
        return f"{self.comparison} {self.value:g}"


def read_expectation(text: str) -> Expectation | None:
    """``">= 0.98"`` as an Expectation; None for anything else."""
    match = EXPECTATION.fullmatch(text)
    if match is None or not math.isfinite(float(match[2])):
        return None
    return Expectation(match[1], float(match[2]))


def check_expect(values: Mapping[str, Any], report: Report) -> None:
    """Report keys that are no metric of a split, and values that compare with nothing."""
    for key, value in values.items():
        path = ("expect", key)
        if not RESULT.fullmatch(key):
            report.at_key(path, "a result is named split/metric, such as test/accuracy (splits: train, val, test)")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            report.at_value(path, f"expected a comparison, got {shown(value)}; write '>= {shown(value)}'")
        elif not isinstance(value, str) or read_expectation(value) is None:
            report.at_value(path, f"expected a comparison such as '>= 0.98' (>= <= > < ==), got {shown(value)}")
