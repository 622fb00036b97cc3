"""The core's own components keep what components promise."""

from __future__ import annotations

from collections.abc import Callable

from toolkit.testing import parametrize_checks
from toolkit.testing.core import CASES


@parametrize_checks("toolkit-core", CASES)
def test_contract(check: Callable[[], None]) -> None:
    check()
