"""The plugin's components keep what components promise."""

from __future__ import annotations

from collections.abc import Callable

from example_segmentation.cases import CASES

from toolkit.testing import parametrize_checks


@parametrize_checks("example-segmentation", CASES)
def test_contract(check: Callable[[], None]) -> None:
    check()
