"""What the transforms say of arguments that cannot be. Imports nothing but the standard library."""

from __future__ import annotations

import math
from collections.abc import Sequence


def share(name: str, value: float) -> float:
    """A number from 0 to 1, or a ValueError that names the argument."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value}: expected a number from 0 to 1")
    return value


def interval(
    name: str, values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Two numbers in rising order between two others, or a ValueError that names the argument."""
    if len(values) != 2 or not least <= values[0] <= values[1] <= most or not all(map(math.isfinite, values)):
        between = (
            "" if least == -math.inf else f", from {least:g} up" if most == math.inf else f", {least:g} to {most:g}"
        )
        raise ValueError(f"{name}={list(values)}: expected [least, most]{between}")
    return values[0], values[1]
