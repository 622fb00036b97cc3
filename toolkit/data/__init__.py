"""How data is loaded: whole batches in an order that depends on (seed, epoch) only, and downloads with a checksum.

A dataset component says what its data is; this package decides how it reaches the model. Importing it imports
neither torch nor Lightning: `fetch` is meant for dataset plugins, which must stay quick to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.data.archives import unpack
from toolkit.data.download import cache_folder, fetch

if TYPE_CHECKING:
    from toolkit.data.module import DataModule, data_module
    from toolkit.data.splits import Splits

__all__ = ["DataModule", "Splits", "cache_folder", "data_module", "fetch", "unpack"]

_LAZY = {"DataModule": "module", "data_module": "module", "Splits": "splits"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
