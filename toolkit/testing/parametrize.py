"""The checks of a distribution as parameters of a test. Imports pytest when it is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from toolkit.testing.case import Case
from toolkit.testing.check import Check, CheckFailed, DoesNotApply


def parametrize_checks(distribution: str, cases: Iterable[Case]) -> Callable[[Any], Any]:
    """Make one test of each promise of a plugin's components, by the argument ``check`` of a test function::

        @parametrize_checks("acme-nets", CASES)
        def test_contract(check):
            check()

    ``pytest -k every_parameter_gets_a_gradient`` selects one promise, ``-k model-net`` those of one component. Known
    failures are expected, and have to fail.

    Args:
        distribution: the plugin's name, as ``pip install`` takes it. It has to be installed.
        cases: at least one for each of its components.

    Raises:
        RequestError: there is no such plugin, or a case says something that cannot be.
    """
    import pytest

    from toolkit.testing.suite import checks_of

    def test(check: Check) -> Callable[[], None]:
        def call() -> None:
            __tracebackhide__ = True
            try:
                check()
            except DoesNotApply as reason:
                pytest.skip(str(reason))

        return call

    return pytest.mark.parametrize(
        "check",
        [
            pytest.param(
                test(check),
                id=check.id,
                marks=[pytest.mark.xfail(reason=check.known, strict=True, raises=CheckFailed)] if check.known else [],
            )
            for check in checks_of(distribution, cases)
        ],
    )
