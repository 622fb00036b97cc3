"""How Lightning writes and reads checkpoints here: plain, whole or not at all, with a checksum. Imports Lightning."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from lightning_fabric.plugins.io import CheckpointIO

from toolkit.checksum import check_whole, sidecar
from toolkit.engine.checkpoints import describe, remove
from toolkit.engine.plain import check_plain
from toolkit.tracking.files import sync_folder, write_atomic

ABOUT = "about"
TOOLKIT = "toolkit"
"""Where in a checkpoint our own state lies; ``toolkit.about`` goes into the file that describes the checkpoint too."""


class PlainCheckpointIO(CheckpointIO):
    """Saves checkpoints that load with ``weights_only=True``, atomically, and checks them before they are loaded."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Writes a checkpoint to a temporary file, fsyncs it, and renames it, its checksum first.

        Raises:
            NotPlain: it holds something that would not load again.
            OSError: the disk takes no more. A file of that name is as it was.
        """
        check_plain(checkpoint)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                sha256 = _write(checkpoint, file)
                os.fsync(file.fileno())
            about: Mapping[str, Any] = checkpoint.get(TOOLKIT, {}).get(ABOUT, {})
            # Before the checkpoint has its name: one that is there always has its checksum.
            write_atomic(sidecar(target), describe(target, sha256=sha256, about=about).encode())
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            if not target.exists():
                sidecar(target).unlink(missing_ok=True)
            raise
        sync_folder(target.parent)

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Reads a checkpoint into the memory of the CPU, after its checksum was compared. Never runs code from it.

        Raises:
            DamagedCheckpoint: the file is not what was written.
        """
        check_whole(Path(path))
        loaded = torch.load(path, map_location=map_location or "cpu", weights_only=True)
        assert isinstance(loaded, dict)
        return loaded

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Removes a checkpoint with what describes it."""
        remove([Path(path)])


def _write(checkpoint: Mapping[str, Any], file: BinaryIO) -> str:
    hashed = _Hashed(file)
    # All that torch.save asks of a file is `write` and `flush`.
    torch.save(checkpoint, cast(BinaryIO, hashed))
    file.flush()
    if hashed.error is not None:
        raise hashed.error
    return hashed.sha256.hexdigest()


class _Hashed:
    """A file that sums up what is written to it.

    An error is kept until `torch.save` is done: its C++ writer answers an exception with one of its own, from which
    nobody could tell that the disk is full.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                self._file.write(data)
                self.sha256.update(data)
            except OSError as error:
                self.error = error
        return len(data)

    def flush(self) -> None:
        """Does nothing: `_write` flushes once everything is written."""
