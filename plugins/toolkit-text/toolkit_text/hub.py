"""Datasets of the Hugging Face hub, by the library `datasets`, which is imported when one is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from toolkit_text.hub_layout import HubLayout
from toolkit_text.hub_stream import HubStream


def load_hub(
    path: str, layout: HubLayout, name: str | None = None, *, revision: str | None = None, streaming: bool = False
) -> dict[str, Any]:
    """All splits of a dataset of the hub, by their names; or of a folder that is laid out like one.

    Arguments:
        path: on the hub, `owner/name`; or a folder.
        layout: what it has to have.
        name: of one of its configurations.
        revision: of its files on the hub.
        streaming: whether samples are read when they are wanted, and nothing is kept on this machine. Each split is a
            `HubStream` then, else the library's `Dataset`.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: it cannot be had, as where there is no network, or while recipes are checked.
        ValueError: a split or a column is not there, or the files of a folder cannot be read.
    """
    from toolkit.data.download import may_download

    folder = Path(path).expanduser()
    if folder.is_dir():
        path = str(folder)
        # A configuration and a revision are the hub's.
        name = revision = None
    elif not may_download():
        # Before the library is asked for: a stand-in does not need it.
        raise OSError(f"{path} is on the Hugging Face hub, and nothing is downloaded now")
    try:
        datasets = importlib.import_module("datasets")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "datasets":
            raise
        raise ModuleNotFoundError(
            f"{path}: datasets is not installed: pip install 'toolkit-text[hf]'", name="datasets"
        ) from None
    try:
        loaded = datasets.load_dataset(path, name, revision=revision, streaming=streaming)
        found = {split: HubStream(rows) if streaming else rows for split, rows in loaded.items()}
        # Not of what is returned: that has to be at its beginning still.
        first = {split: next(iter(rows), None) for split, rows in loaded.items() if split in layout.splits}
    except Exception as error:  # of many kinds: no such name, no network, an error of the server, files at odds
        if folder.is_dir():
            # Not the absence of the data, for which a check takes a stand-in.
            raise ValueError(f"{path}: {_reason(error)}") from error
        raise OSError(f"{path}: {_reason(error).rstrip('.')}. A copy in a folder is read with path: FOLDER") from error
    layout.check(path, found.keys(), first)
    return found


def _reason(error: BaseException) -> str:
    """On one line what lies behind an error: the library's own says no more than that one occurred."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
