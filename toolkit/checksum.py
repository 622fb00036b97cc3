"""The checksum beside a file of weights, compared before anything is loaded from it.

Beside ``epoch-0003.ckpt`` lies ``epoch-0003.ckpt.json``. Imports the errors and nothing heavy: whoever loads weights,
in whatever layer, compares them here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from toolkit.errors import RunError


class DamagedCheckpoint(RunError):
    """A checkpoint is not what was written: half of it, or with a changed bit."""


def sidecar(path: Path) -> Path:
    """The file beside a checkpoint that describes it."""
    return path.with_name(path.name + ".json")


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_whole(path: Path) -> None:
    """Compares a checkpoint with its checksum.

    Raises:
        DamagedCheckpoint: it differs, or there is no checksum to compare it with.
    """
    try:
        expected = json.loads(sidecar(path).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        missing = f"its checksum, {sidecar(path).name}, is missing or cannot be read"
        raise DamagedCheckpoint(f"{path} cannot be trusted: {missing}") from error
    if sha256_of(path) != expected:
        raise DamagedCheckpoint(f"{path} is damaged: its content does not match its checksum")
