"""Downloads, against a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from toolkit.data import cache_folder, fetch
from toolkit.data.download import no_downloads, unreachable
from toolkit.errors import RequestError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = gzip.compress(b"another file", mtime=0)


class Server:
    """Serves the same file in several ways, and counts how often it was asked."""

    def __init__(self) -> None:
        server = self
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                if self.path == "/absent":
                    self.send_error(404)
                    return
                body = OTHER if self.path == "/other" else CONTENT
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path == "/truncated" else body)

            def log_message(self, format: str, *args: object) -> None:
                """Not to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_file_is_downloaded_once(server: Server, cache: Path) -> None:
    path = fetch(f"{server.url}/file", SHA256, "numbers/file.bin")
    assert path == cache / "numbers" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(f"{server.url}/file", SHA256, "numbers/file.bin") == path
    assert server.asked == ["/file"]
    assert files(cache) == ["file.bin"]


def test_mirrors_are_tried_in_order(server: Server, cache: Path) -> None:
    urls = [f"{server.url}/{name}" for name in ("absent", "truncated", "other", "file", "never")]
    assert fetch(urls, SHA256, "file.bin").read_bytes() == CONTENT
    assert server.asked == ["/absent", "/truncated", "/other", "/file"]
    assert files(cache) == ["file.bin"]


def test_every_mirrors_reason_is_told_and_nothing_is_left(server: Server, cache: Path) -> None:
    urls = [f"{server.url}/{name}" for name in ("absent", "truncated", "other")]
    with pytest.raises(RequestError) as error:
        fetch(urls, SHA256, "file.bin")
    lines = str(error.value).splitlines()
    assert lines[0] == "could not download file.bin:"
    assert lines[1:3] == [f"  {server.url}/absent", "    HTTP 404 Not Found"]
    assert lines[3] == f"  {server.url}/truncated"
    assert "128000 bytes read, 128000 more expected" in lines[4]
    wrong = f"sha256 {hashlib.sha256(OTHER).hexdigest()}, {len(OTHER)} bytes"
    assert lines[5:7] == [f"  {server.url}/other", f"    the checksum is wrong: {wrong}"]
    assert lines[7:] == [
        f"On a machine without a network, download it elsewhere and put it at {cache / 'file.bin'} (sha256 {SHA256})"
    ]
    assert files(cache) == []


def test_a_server_that_is_down(server: Server, cache: Path) -> None:
    server.close()
    with pytest.raises(RequestError) as error:
        fetch(f"{server.url}/file", SHA256, "file.bin")
    assert str(error.value).splitlines()[1:3] == [
        f"  {server.url}/file",
        "    ConnectionRefusedError: Connection refused",
    ]


def test_a_file_put_there_by_hand_is_used(server: Server, cache: Path) -> None:
    cache.mkdir()
    (cache / "file.bin").write_bytes(CONTENT)
    assert fetch(f"{server.url}/file", SHA256, "file.bin") == cache / "file.bin"
    assert server.asked == []


def test_where_downloads_are_left_out_the_cache_still_serves(server: Server, cache: Path) -> None:
    with no_downloads(), pytest.raises(RequestError) as error:
        fetch(f"{server.url}/file", SHA256, "numbers/file.bin")
    assert str(error.value) == "numbers/file.bin is not on this machine; `toolkit fetch RECIPE` downloads it"
    assert server.asked == []
    path = fetch(f"{server.url}/file", SHA256, "numbers/file.bin")
    with no_downloads():
        assert fetch(f"{server.url}/file", SHA256, "numbers/file.bin") == path


def test_a_server_that_answers_was_reached(server: Server, cache: Path) -> None:
    def failure(*urls: str) -> RequestError:
        with pytest.raises(RequestError) as caught:
            fetch(urls, SHA256, "tests/file.bin")
        return caught.value

    nobody = "http://127.0.0.1:1/file"
    assert unreachable(failure(nobody))
    assert unreachable(failure(f"{server.url}/absent", nobody))
    assert not unreachable(failure(f"{server.url}/absent"))
    assert not unreachable(failure(nobody, f"{server.url}/other"))


def test_what_other_downloaders_raise_without_a_network_is_known_too(server: Server) -> None:
    def failure(url: str) -> BaseException:
        with pytest.raises(URLError) as caught:
            urlopen(url)
        # As a component that explains what it was doing.
        error = RuntimeError("the weights are not here")
        error.__cause__ = caught.value
        return error

    assert unreachable(failure("http://127.0.0.1:1/file"))
    assert not unreachable(failure(f"{server.url}/absent"))
    assert not unreachable(FileNotFoundError("no such data"))


def test_a_damaged_file_is_downloaded_again(server: Server, cache: Path) -> None:
    cache.mkdir()
    (cache / "file.bin").write_bytes(CONTENT[:-1])
    assert fetch(f"{server.url}/file", SHA256, "file.bin").read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_to_serves_what_it_holds(server: Server, cache: Path) -> None:
    cache.write_text("a file, where the folder should be")
    with pytest.raises(RequestError, match="cannot write to the cache folder .*\nset TOOLKIT_CACHE to a folder"):
        fetch(f"{server.url}/file", SHA256, "file.bin")


def test_processes_that_want_the_same_file_download_it_once(server: Server, cache: Path) -> None:
    code = f"from toolkit.data import fetch; fetch({server.url + '/file'!r}, {SHA256!r}, 'file.bin')"
    started = [subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ)) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert server.asked == ["/file"]
    assert (cache / "file.bin").read_bytes() == CONTENT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_is_shown_on_a_terminal_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, plain = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    fetch(f"{server.url}/file", SHA256, "first.bin")
    monkeypatch.setattr(sys, "stderr", plain)
    fetch(f"{server.url}/file", SHA256, "second.bin")
    assert "first.bin: 100%" in terminal.getvalue()
    assert "256k/256k" in terminal.getvalue()
    assert plain.getvalue() == ""


@pytest.mark.parametrize("name", ["../file.bin", "/etc/file.bin", "", "a/../../b"])
def test_a_name_stays_inside_the_cache(name: str) -> None:
    with pytest.raises(ValueError, match="is not a relative path inside the cache folder"):
        fetch("http://127.0.0.1:1/file", SHA256, name)


def test_a_checksum_is_needed() -> None:
    with pytest.raises(ValueError, match="sha256 of 'file.bin' must be 64 hexadecimal digits, not 'md5:abc'"):
        fetch("http://127.0.0.1:1/file", "md5:abc", "file.bin")
    with pytest.raises(ValueError, match="no url given for 'file.bin'"):
        fetch([], SHA256, "file.bin")


def test_the_platforms_cache_folder_is_used_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TOOLKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "toolkit"
    monkeypatch.setenv("TOOLKIT_CACHE", "~/data")
    assert cache_folder() == Path.home() / "data"


def test_importing_the_downloader_imports_nothing_heavy() -> None:
    heavy = ("torch", "pytorch_lightning", "pooch")
    code = f"import sys, toolkit.data; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
