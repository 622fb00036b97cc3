"""How data is loaded: whole batches in an order that depends on (seed, epoch, position) only, and downloads.

A dataset component says what its data is; this package decides how it reaches the model. Importing it imports
neither torch nor Lightning: `fetch` is meant for dataset plugins, which must stay quick to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.data.archives import unpack
from toolkit.data.download import cache_folder, fetch

if TYPE_CHECKING:
    from toolkit.data.bad import BadSample
    from toolkit.data.disk import ArrayFile, OnDisk
    from toolkit.data.module import DataModule, data_module
    from toolkit.data.splits import Splits
    from toolkit.data.workers import choose_workers

__all__ = [
    "ArrayFile",
    "BadSample",
    "DataModule",
    "OnDisk",
    "Splits",
    "cache_folder",
    "choose_workers",
    "data_module",
    "fetch",
    "unpack",
]

_LAZY = {
    "ArrayFile": "disk",
    "BadSample": "bad",
    "DataModule": "module",
    "OnDisk": "disk",
    "Splits": "splits",
    "choose_workers": "workers",
    "data_module": "module",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
