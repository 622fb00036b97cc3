"""Which of the plugin's contract is a long proof: datasets that read and tokenize all that they ship, several times."""

from __future__ import annotations

import pytest

LONG = ("dataset-interface_strings", "dataset-language_id", "dataset-movie_sentiment", "task-seq2seq")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them `slow`, before those are left out."""
    for item in items:
        if item.name.startswith(tuple(f"test_contract[{label}-" for label in LONG)):
            item.add_marker(pytest.mark.slow)
