"""Downloads: one place, with a checksum, a cache folder, a lock and a progress bar.

Imports nothing heavy: pooch and filelock are imported when something is fetched. filelock is a dependency of torch,
so that requiring it costs nobody a package.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from socket import gaierror
from typing import Any

from toolkit.errors import RequestError

CACHE_VARIABLE = "TOOLKIT_CACHE"
TIMEOUT_S = 30
"""Seconds a server may be silent before the next mirror is tried."""


def cache_folder() -> Path:
    """Where downloads are kept: the folder that `TOOLKIT_CACHE` names, else the platform's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("toolkit"))


_left_out: ContextVar[bool] = ContextVar("downloads left out", default=False)


@contextmanager
def no_downloads() -> Iterator[None]:
    """A context in which `fetch` serves what the cache holds, and raises RequestError for anything else."""
    token = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(token)


def may_download() -> bool:
    """Whether something may be downloaded: False inside `no_downloads`. For libraries that do it by themselves."""
    return not _left_out.get()


def fetch(url: str | Sequence[str], sha256: str, name: str) -> Path:
    """The path of a file in the cache, downloaded first unless it is there with the right checksum.

    The file appears under its name only when it is complete and its checksum is right. Several processes may ask for
    the same file: one downloads, the others wait for it. A progress bar is shown when standard error is a terminal.

    Arguments:
        url: where the file is; several are mirrors, tried in this order.
        sha256: its SHA-256, 64 hexadecimal digits.
        name: where it is kept inside the cache folder, such as `"mnist/train-images-idx3-ubyte.gz"`.

    Raises:
        RequestError: no mirror gave the right file. The message tells why for each, and where to put the file by hand.
            Inside `no_downloads`: the cache does not hold the file.
    """
    urls = [url] if isinstance(url, str) else list(url)
    if not urls:
        raise ValueError(f"fetch: no url given for {name!r}")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"fetch: sha256 of {name!r} must be 64 hexadecimal digits, not {sha256!r}")
    path = cache_folder() / _inside_cache(name)
    # Before the lock: a cache that cannot be written to, on a node without a network, serves what it holds.
    if _has_checksum(path, sha256):
        return path
    if _left_out.get():
        raise RequestError(f"{name} is not on this machine; `toolkit fetch RECIPE` downloads it")
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not _has_checksum(path, sha256):
                _download(urls, sha256, path)
    except OSError as error:
        raise RequestError(
            f"cannot write to the cache folder {path.parent}: {error.strerror or error}\n"
            f"set {CACHE_VARIABLE} to a folder that can be written to"
        ) from error
    return path


def unreachable(error: BaseException) -> bool:
    """Whether an error came of a server that could not be reached; one that answered with an error was.

    It may be one of `fetch`, or of whatever else a component downloads with: what caused it is looked at too.
    """
    from urllib.error import HTTPError, URLError

    from requests import ConnectionError as NotConnected
    from requests import Timeout

    cause: BaseException | None = error
    while cause is not None:
        answered = isinstance(cause, HTTPError)
        if isinstance(cause, (NotConnected, Timeout, URLError, ConnectionError, TimeoutError, gaierror)):
            return not answered
        cause = cause.__cause__ or cause.__context__
    return False


def _download(urls: Sequence[str], sha256: str, path: Path) -> None:
    """Try every mirror; put the file in place, or raise a RequestError that tells what each said."""
    part = path.with_name(f".{path.name}.part")
    reasons = []
    last: _Refused | None = None
    try:
        for url in urls:
            try:
                _try(url, sha256, part)
            except _Refused as refused:
                reasons.append(f"  {url}\n    {refused}")
                last = refused
            else:
                os.replace(part, path)
                return
    finally:
        part.unlink(missing_ok=True)
    raise RequestError(
        f"could not download {path.name}:\n" + "\n".join(reasons) + "\n"
        f"On a machine without a network, download it elsewhere and put it at {path} (sha256 {sha256})"
    ) from last


class _Refused(Exception):
    """One mirror did not give the right file; the message says why, in one line."""


def _try(url: str, sha256: str, part: Path) -> None:
    """Download the right file into `part`; raises _Refused."""
    import pooch
    from requests import RequestException

    bar = _progress_bar(part.name.removeprefix(".").removesuffix(".part"))
    try:
        # pooch's own chunks of 1 kB, flushed one by one, are slower than a fast network.
        pooch.HTTPDownloader(progressbar=bar, chunk_size=64 * 1024, timeout=TIMEOUT_S)(url, str(part), None)
    except RequestException as error:
        raise _Refused(_reason(error)) from error
    finally:
        if bar is not False:
            bar.close()
    received = pooch.file_hash(str(part), alg="sha256")
    if received != sha256:
        raise _Refused(f"the checksum is wrong: sha256 {received}, {part.stat().st_size} bytes")


def _progress_bar(name: str) -> Any:
    """A bar on standard error, or False when that is not a terminal."""
    if not sys.stderr.isatty():
        return False
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]  # it ships no types

    # A total, which pooch replaces: it asks whether the bar is true, and a tqdm without one refuses to say.
    return tqdm(desc=name, total=1, unit="B", unit_scale=True, ncols=79, file=sys.stderr)


def _reason(error: Exception) -> str:
    """What went wrong, in one line: requests wraps the cause in several layers of its own words."""
    from requests import HTTPError

    if isinstance(error, HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    found = f"{type(error).__name__}: {error}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            found = f"{type(cause).__name__}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return found


def _has_checksum(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    import pooch

    return bool(pooch.file_hash(str(path), alg="sha256") == sha256)


def _inside_cache(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(f"fetch: {name!r} is not a relative path inside the cache folder")
    return path
