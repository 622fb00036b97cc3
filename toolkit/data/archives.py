"""Unpacking of archives: nothing leaves the folder, nothing is larger than allowed. Imports nothing heavy."""

from __future__ import annotations

import lzma
import os
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from toolkit.errors import RequestError

MAX_BYTES = 100 * 1024**3
"""Default limit of what an archive may hold unpacked: above most datasets, below what fills a disk unnoticed."""

_BLOCK = 1024 * 1024


def unpack(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack a tar (plain, gz, bz2, xz) or zip file into `folder` and return `folder`.

    Members may not lie outside the folder, nor be devices, pipes or links out of it; tar files are read with Python's
    `data` filter, zip files by the same rules and without any links. Unpacking happens beside `folder` and is renamed
    into place at the end: a folder that exists has been unpacked to its end, and is returned as it is.

    Arguments:
        archive: the file.
        folder: where its members go; made here.
        max_bytes: the largest total size of the members, in bytes.

    Raises:
        RequestError: the file is no such archive, is damaged, breaks a rule above, or is larger than allowed.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        unfinished.mkdir()
        if zipfile.is_zipfile(archive):
            _unzip(archive, unfinished, max_bytes)
        else:
            _untar(archive, unfinished, max_bytes)
        _put_in_place(unfinished, folder)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, RuntimeError) as error:
        # RuntimeError: how zipfile reports encryption and methods that it does not know.
        raise RequestError(f"{archive}: could not be unpacked into {folder}: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _untar(archive: Path, folder: Path, max_bytes: int) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise RequestError(f"{archive}: unpacking tar files safely needs Python 3.11.4 or newer")
    total = 0
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            total += member.size
            _check_size(archive, total, max_bytes)
            tar.extract(member, folder, filter="data")
        # tarfile stops at the archive's end mark; the checksum at the end of a compressed file would go unread.
        while tar.fileobj is not None and tar.fileobj.read(_BLOCK):
            continue


def _unzip(archive: Path, folder: Path, max_bytes: int) -> None:
    total = 0
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            target = folder / _inside(archive, member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RequestError(f"{archive}: holds a link or a special file, {member.filename!r}; nothing unpacked")
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(member) as source, target.open("wb") as out:
                # The size in the directory of a zip file is a claim; what is counted is what comes out.
                while block := source.read(_BLOCK):
                    total += len(block)
                    _check_size(archive, total, max_bytes)
                    out.write(block)


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise RequestError(f"{archive}: holds a path that leads out of the folder, {name!r}; nothing unpacked")
    return path


def _check_size(archive: Path, total: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise RequestError(f"{archive}: holds more than the {max_bytes} bytes allowed; nothing unpacked")


def _put_in_place(unfinished: Path, folder: Path) -> None:
    try:
        os.rename(unfinished, folder)
    except OSError:
        # Another process was first; both unpacked the same archive.
        if not folder.is_dir():
            raise
