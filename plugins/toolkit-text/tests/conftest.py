"""Copies of sets of the Hugging Face hub in folders, which the real library reads; nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HubCopy = Callable[[Mapping[str, Sequence[Mapping[str, Any]]]], str]


@pytest.fixture
def hub_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubCopy:
    """Writes the rows of each split to a file in a new folder, and returns the folder."""
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed whole: no datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()

    def write(splits: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
        folder = tmp_path / f"copy-{len(list(tmp_path.glob('copy-*')))}"
        folder.mkdir()
        for split, rows in splits.items():
            (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return str(folder)

    return write
