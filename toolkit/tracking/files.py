"""Writes files so that a crash leaves the old one or the new one, never half of one. Imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomic(path: Path, content: bytes | Callable[[BinaryIO], None]) -> None:
    """Writes ``path`` through a temporary file beside it: written, fsynced, then renamed over ``path``.

    Args:
        path: the file to write; its folder exists.
        content: the bytes, or a function that writes them to the open file.

    Raises:
        OSError: the file could not be written (a full disk, say). ``path`` is as it was, and no part is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and removals in ``folder`` survive a power cut, on systems where a folder can be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
