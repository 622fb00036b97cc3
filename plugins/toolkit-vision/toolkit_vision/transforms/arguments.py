"""What the transforms say of arguments that cannot be. Imports nothing but the standard library."""

from __future__ import annotations

from collections.abc import Sequence


def share(name: str, value: float) -> float:
    """A number from 0 to 1, or a ValueError that names the argument."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value}: expected a number from 0 to 1")
    return value


def positive(name: str, value: float) -> float:
    """A number above 0, or a ValueError that names the argument."""
    if not value > 0:
        raise ValueError(f"{name}={value}: expected a number above 0")
    return value


def interval(name: str, values: Sequence[float], most: float = float("inf")) -> tuple[float, float]:
    """Two numbers above 0 in rising order, or a ValueError that names the argument."""
    if len(values) != 2 or not 0 < values[0] <= values[1] <= most:
        upper = "" if most == float("inf") else f" and at most {most:g}"
        raise ValueError(f"{name}={list(values)}: expected [least, most], both above 0{upper}")
    return values[0], values[1]


def height_and_width(name: str, value: int | Sequence[int] | None) -> tuple[int, int] | None:
    """A size in pixels, one number for a square; None stays None. A ValueError names the argument."""
    if value is None:
        return None
    size = [value, value] if isinstance(value, int) else list(value)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"{name}={value}: expected a number of pixels, or [height, width]")
    return size[0], size[1]
