"""Tells which files, connections, processes and threads some code has made. Imports nothing heavy.

By Python's audit events, which whatever opens a file or a connection through the interpreter raises. A library of C
that opens files by itself is not seen there; who calls this looks at the working folder as well.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHANGES = {
    "os.mkdir": "made the folder",
    "os.remove": "removed",
    "os.rename": "renamed",
    "os.rmdir": "removed the folder",
    "os.truncate": "cut",
    "os.symlink": "made a link from",
    "os.link": "made a link from",
}
_WITH_FOLDER = ("os.mkdir", "os.remove", "os.rmdir")
"""Their last argument is the open folder that a path is relative to, -1 for the working folder."""
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto")
_PROCESSES = ("subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watches: list[Watch] = []
_installed: list[bool] = []


class Watch:
    """What was done while it watched, one line each."""

    def __init__(self, folder: Path, allowed: Sequence[Path]) -> None:
        self.files: list[str] = []
        self.network: list[str] = []
        self.processes: list[str] = []
        self.threads: list[str] = []
        self._folder = os.path.realpath(folder)
        self._temporary = os.path.realpath(tempfile.gettempdir())
        self._allowed = [os.path.realpath(each) for each in allowed]

    def done(self) -> list[str]:
        """Everything."""
        return [*self.files, *self.network, *self.processes, *self.threads]

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an audit event."""
        if event == "open":
            path, _, flags = (*arguments, None, None, None)[:3]
            # Of io.open too, the flags say it.
            if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int):
                self._file("wrote the file", path)
        elif event in _CHANGES:
            inside = arguments[-1] if event in _WITH_FOLDER else -1
            self._file(_CHANGES[event], arguments[0], inside if isinstance(inside, int) else -1)
        elif event in _NETWORK:
            self.network.append(f"used the network ({event}: {arguments[-1]!r})")
        elif event in _PROCESSES:
            self.processes.append(f"started a process ({arguments[0]!r})" if arguments else f"called {event}")

    def _file(self, what: str, path: Any, folder: int = -1) -> None:
        try:
            # Relative to an open folder, as shutil.rmtree goes down; nothing is known of it where there is no /proc.
            inside = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else ""
            name = os.path.realpath(os.path.join(inside, os.fsdecode(path)))
        except (TypeError, ValueError, OSError):
            return
        # What Python itself writes when it imports a module, and what is no file.
        if "__pycache__" in name or name.startswith(("/dev/", "/proc/")):
            return
        # Libraries make folders of their own among the temporary ones when they are imported.
        if _is_in(name, self._temporary) and not _is_in(name, self._folder):
            return
        if not any(_is_in(name, each) for each in self._allowed):
            self.files.append(f"{what} {name}")


def _is_in(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder + os.sep)


def _hook(event: str, arguments: tuple[Any, ...], watches: list[Watch] = _watches) -> None:
    # Nobody can take it away again: when Python ends it is called after the names of this module are gone.
    for watch in watches:
        watch.see(event, arguments)


@contextmanager
def watching(folder: Path, *allowed: Path) -> Iterator[Watch]:
    """Watch what is done inside a ``with`` block.

    Args:
        folder: where everything that is written counts; elsewhere the system's temporary files do not.
        allowed: folders in which files may be written.
    """
    if not _installed:
        # For good: there is no way to take one out. It does nothing while nobody watches.
        sys.addaudithook(_hook)
        _installed.append(True)
    watch = Watch(folder, allowed)
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        watch.threads.append(f"started the thread {thread.name!r}")
        start(thread)

    setattr(threading.Thread, "start", started)  # noqa: B010 (mypy takes a method for one that cannot be replaced)
    _watches.append(watch)
    try:
        yield watch
    finally:
        _watches.remove(watch)
        setattr(threading.Thread, "start", start)  # noqa: B010
