"""Datasets of the Hugging Face hub, by the library `datasets`, which is imported when one is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def load_hub(path: str, name: str | None = None, *, revision: str | None = None, streaming: bool = False) -> Any:
    """All splits of a dataset of the hub, by their names; or of a folder that is laid out like one.

    Arguments:
        path: on the hub, `owner/name`; or a folder.
        name: of one of its configurations.
        revision: of its files on the hub.
        streaming: whether samples are read when they are wanted, and nothing is kept on this machine.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: it cannot be had, as where there is no network, or while recipes are checked.
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
        return datasets.load_dataset(path, name, revision=revision, streaming=streaming)
    except Exception as error:  # of many kinds: no such name, no network, an error of the server
        raise OSError(f"{path}: {type(error).__name__}: {error}") from error
