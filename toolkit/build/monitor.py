"""What a run watches to tell its best epoch, and whether more or less of it is better. Imports torchmetrics' types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Monitor:
    """A logged name, and whether its best value is the smallest or the largest."""

    name: str
    mode: Mode


def default_monitor(metrics: Mapping[str, Any], has_val: bool, logged: Collection[str] | None) -> Monitor | None:
    """The first metric on ``val`` if it knows its direction, else ``val/loss``; None without a ``val`` split.

    Args:
        metrics: the built metrics by label, in the recipe's order.
        has_val: whether there is a ``val`` split.
        logged: the names that the task logs, where it says; names outside are not watched.
    """
    if not has_val:
        return None
    candidates = [Monitor("val/loss", "min")]
    for label in list(metrics)[:1]:
        name = f"val/{label}"
        mode = direction(name, metrics)
        if mode is not None:
            candidates.insert(0, Monitor(name, mode))
    return next((monitor for monitor in candidates if logged is None or monitor.name in logged), None)


def direction(name: str, metrics: Mapping[str, Any]) -> Mode | None:
    """Which values of a logged name are better, from the built metric behind it; None where nothing says it."""
    _, _, rest = name.partition("/")
    label = rest.partition("/")[0]
    if label in metrics:
        better = getattr(metrics[label], "higher_is_better", None)
        return None if better is None else ("max" if better else "min")
    return "min" if label.removesuffix("_step").endswith("loss") else None
