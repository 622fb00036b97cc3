"""Archives from a server of our own: downloaded once, unpacked, refused where their checksum is another."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from toolkit_speech import librispeech as libri
from toolkit_speech import speech_commands as commands

from toolkit.errors import RequestError


class Server(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Not on standard error."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address where its files are to be had; the cache is an empty one."""
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def sound(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(1600, 0.25, np.float32), 16000)


def packed(folder: Path, archive: Path) -> str:
    """The checksum of an archive of what is in a folder."""
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, ".")
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def test_subsets_of_librispeech_are_downloaded_once(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    checksums = {}
    for subset in ("train-clean-100", "dev-clean", "test-other"):
        chapter = tmp_path / subset / "LibriSpeech" / subset / "1" / "2"
        sound(chapter / "1-2-0000.flac")
        (chapter / "1-2.trans.txt").write_text(f"1-2-0000 {subset.replace('-', ' ').upper()}\n")
        checksums[subset] = packed(tmp_path / subset, folder / f"{subset}.tar.gz")
    monkeypatch.setattr(libri, "URL", address)
    monkeypatch.setattr(libri, "SHA256", {**libri.SHA256, **checksums})
    data = libri.librispeech(test=["test-other"])
    assert data.train.transcripts == ["train clean 100"]
    assert data.test.transcripts == ["test other"]
    assert data.val[0][0][0].eq(0.25).all()
    for archive in folder.iterdir():
        archive.unlink()
    assert len(libri.librispeech(test=["test-other"]).train) == 1

    packed(tmp_path / "dev-clean", folder / "dev-other.tar.gz")
    with pytest.raises(RequestError, match=r"dev-other\.tar\.gz"):
        libri.librispeech(val=["dev-other"], test=[])


def test_speech_commands_are_downloaded(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    for word in commands.WORDS:
        sound(tmp_path / "all" / word / "0_nohash_0.wav")
    (tmp_path / "all" / "validation_list.txt").write_text("bed/0_nohash_0.wav\n")
    (tmp_path / "all" / "testing_list.txt").write_text("cat/0_nohash_0.wav\ndog/0_nohash_0.wav\n")
    checksum = packed(tmp_path / "all", folder / "commands.tar.gz")
    monkeypatch.setattr(commands, "URLS", (f"{address}/nowhere.tar.gz", f"{address}/commands.tar.gz"))
    monkeypatch.setattr(commands, "SHA256", checksum)
    data = commands.speech_commands()
    assert [len(split) for split in (data.train, data.val, data.test)] == [32, 1, 2]
    assert data.test[1][0][0].shape == (1600,)
