"""The plugin only listens: it offers no component, and whoever adds one is told that it needs a case."""

from __future__ import annotations

from collections.abc import Callable

from toolkit.testing import parametrize_checks


@parametrize_checks("example-listeners", [])
def test_contract(check: Callable[[], None]) -> None:
    check()
