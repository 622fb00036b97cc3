"""Unpacking: what is allowed, what is not, and that nothing half unpacked is ever seen."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.data import unpack
from toolkit.errors import RequestError

MEMBERS = {"a.txt": b"first", "folder/b.txt": b"second"}


def tar(path: Path, mode: str = "w:gz", **members: bytes) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in (members or MEMBERS).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "data.tar", mode)
    assert contents(unpack(archive, tmp_path / "sub" / "data")) == MEMBERS


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "data.zip", {**MEMBERS, "empty/": b""})
    folder = unpack(archive, tmp_path / "data")
    assert contents(folder) == MEMBERS
    assert (folder / "empty").is_dir()


def test_an_unpacked_folder_is_returned_as_it_is(tmp_path: Path) -> None:
    folder = unpack(zipped(tmp_path / "data.zip"), tmp_path / "data")
    (tmp_path / "data.zip").unlink()
    assert unpack(tmp_path / "data.zip", folder) == folder


def evil_tar_path(path: Path) -> Path:
    return tar(path, "w", **{"../evil.txt": b"x"})


def evil_tar_link(path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    return path


def evil_tar_device(path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("device")
        info.type = tarfile.CHRTYPE
        archive.addfile(info)
    return path


def evil_zip_path(path: Path) -> Path:
    return zipped(path, {"a.txt": b"x", "../evil.txt": b"x"})


def evil_zip_absolute(path: Path) -> Path:
    return zipped(path, {"/evil.txt": b"x"})


def evil_zip_backslash(path: Path) -> Path:
    return zipped(path, {"..\\evil.txt": b"x"})


def evil_zip_drive(path: Path) -> Path:
    return zipped(path, {"C:\\evil.txt": b"x"})


def evil_zip_link(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return path


def truncated(path: Path) -> Path:
    tar(path)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def no_archive(path: Path) -> Path:
    path.write_bytes(b"<html>not what you wanted</html>" * 100)
    return path


def damaged_zip(path: Path) -> Path:
    zipped(path)
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (evil_tar_path, "could not be unpacked into .*outside the destination"),
        (evil_tar_link, "could not be unpacked into .*absolute path"),
        (evil_tar_device, "could not be unpacked into .*special file"),
        (evil_zip_path, "leads out of the folder, '../evil.txt'"),
        (evil_zip_absolute, "leads out of the folder, '/evil.txt'"),
        (evil_zip_backslash, "leads out of the folder"),
        (evil_zip_drive, "leads out of the folder"),
        (evil_zip_link, "holds a link or a special file, 'link'"),
        (truncated, "could not be unpacked into "),
        (damaged_zip, "could not be unpacked into "),
        (no_archive, "could not be unpacked into "),
    ],
)
def test_a_bad_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    archive = make(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RequestError, match=message) as error:
        unpack(archive, tmp_path / "unpacked")
    assert str(error.value).startswith(f"{archive}: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [tar, zipped])
def test_an_archive_may_not_be_larger_than_allowed(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    archive = make(tmp_path / "data")
    with pytest.raises(RequestError, match="holds more than the 10 bytes allowed"):
        unpack(archive, tmp_path / "unpacked", max_bytes=10)
    assert contents(unpack(archive, tmp_path / "unpacked", max_bytes=11)) == MEMBERS
