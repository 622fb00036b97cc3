"""Which tests of the plugin contract are long proofs, left to `make verify`: those that start processes or compile."""

from __future__ import annotations

import pytest

LONG_CHECKS = (
    "works_under_torch_compile",
    "runs_under_two_process_ddp",
    "workers_zero_and_two_agree",
    "distributed_sum_equals_single_process",
    "imports_within_the_time_budget",
    "works_without_every_other_plugin",
)
"""The bad plugin in tests/testing goes through them in every run."""
LONG_CASES = {
    "examples/plugins/example-segmentation/": (
        *("model-smp_deeplabv3plus", "model-smp_fpn", "model-smp_linknet", "model-smp_manet"),
        *("model-smp_segformer", "model-smp_unetplusplus"),
    ),
    "tests/testing/test_core.py": ("metric-",),
    "plugins/toolkit-text/": ("dataset-interface_strings", "dataset-language_id", "dataset-movie_sentiment", "task-"),
    "plugins/toolkit-vision/": ("model-torchvision", "task-detection"),
}
"""By the beginning of a test's name, cases that take seconds each: torchmetrics' own, large data and models."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them `slow`, before what is marked so is left out."""
    for item in items:
        place, found, name = item.nodeid.partition("::test_contract[")
        if not found or not place.endswith(("/test_contract.py", "/test_core.py")):
            continue
        long_cases = [case for start, cases in LONG_CASES.items() if place.startswith(start) for case in cases]
        if name.startswith(tuple(long_cases)) or name.rstrip("]").endswith(LONG_CHECKS):
            item.add_marker(pytest.mark.slow)
