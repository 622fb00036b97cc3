"""What of an earlier run a resume or a test may change. Imports nothing heavy, so that the rest is refused at once."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.errors import RequestError
from toolkit.recipe.overrides import spaced_apart

BY_RESUME = ("trainer.max_", "trainer.devices", "loggers")
BY_TEST = (
    "dataset",
    "loader",
    "metrics",
    "task",
    "transforms.eval",
    "trainer.accelerator",
    "trainer.precision",
    "trainer.limit_test_batches",
)


def refuse_changes(overrides: Sequence[str], allowed: Sequence[str], what: str) -> None:
    """Makes sure that only some keys are overridden.

    Args:
        overrides: such as ``trainer.max_epochs=20``.
        allowed: beginnings of the keys that may be, such as ``trainer.max_``.
        what: what is being done, for the message: ``a resume``.

    Raises:
        RequestError: for the first override of another key.
    """
    for _, words in spaced_apart(overrides):
        text = " ".join(words)
        key = text.partition("=")[0].strip()
        if not any(key == start or key.startswith(start if start[-1] in "._" else f"{start}.") for start in allowed):
            shown = ", ".join(f"{start}*" if start[-1] in "._" else start for start in allowed)
            raise RequestError(f"{text!r}: {what} can change {shown} only. For anything else begin a new run.")
