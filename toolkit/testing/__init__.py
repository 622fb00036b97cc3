"""The contract for plugin authors as a suite: one check for each promise, for pytest and for `toolkit test-plugin`.

    from toolkit.testing import Case, parametrize_checks

    CASES = [Case(kind="model", use="net", args={"num_classes": 3}, batch=lambda: torch.rand(4, 1, 8, 8))]

    @parametrize_checks("acme-nets", CASES)
    def test_contract(check):
        check()

It is imported by tests, and by the module that holds the cases; importing it imports neither torch nor pytest.
"""

from toolkit.testing.case import Case
from toolkit.testing.parametrize import parametrize_checks

__all__ = ["Case", "parametrize_checks"]
