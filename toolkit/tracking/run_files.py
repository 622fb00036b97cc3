"""The files that a run keeps for its dataset, such as a tokenizer: ``files/`` in its folder. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping

from toolkit.errors import RequestError, shown_path
from toolkit.tracking.files import write_atomic
from toolkit.tracking.folder import RunFolder

KEY = "files"
"""Where ``run.json`` has the checksum of each."""


def keep_files(folder: RunFolder, files: Mapping[str, bytes]) -> dict[str, str]:
    """Writes the files of a run that begins, and nothing else stays beside them.

    Args:
        folder: the run's folder.
        files: by plain names; written as they are, because nobody but the dataset knows what may be replaced in them.

    Returns:
        Their checksums by name, for `KEY` of ``run.json``.
    """
    shutil.rmtree(folder.files, ignore_errors=True)
    if files:
        folder.files.mkdir(exist_ok=True)
    for name, content in files.items():
        write_atomic(folder.files / name, content)
    return {name: _checksum(content) for name, content in files.items()}


def kept_files(folder: RunFolder) -> dict[str, bytes]:
    """The files of a run by name.

    Raises:
        RequestError: one is missing, or is not what the run wrote: the run means nothing without it.
    """
    return {name: _read(folder, name, checksum) for name, checksum in folder.read_json().get(KEY, {}).items()}


def _read(folder: RunFolder, name: str, checksum: str) -> bytes:
    path = folder.files / name
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise RequestError(f"{shown_path(path)} {reason}: {_WHY.format(folder.id)}") from error
    if _checksum(content) != checksum:
        raise RequestError(f"{shown_path(path)} is not what the run wrote: {_WHY.format(folder.id)}")
    return content


_WHY = "the dataset made it when run {} began, and what the model has learnt means nothing without it"


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
