"""Processes that have everything imported already, in place of fresh ones.

A fresh Python needs some four seconds of processor time until torch, Lightning and the toolkit are imported, and a run
of two processes starts three. `python tests/forks.py SOCKET` imports them once and forks: each fork is then what
`python -c` or `python -m` would be, with a folder, an environment, an input and outputs of its own, and may end in any
way. `Forked` asks for one and stands for it as `subprocess.Popen` does. Only its parent is another process.

Imports nothing heavy, but in the process that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import IO, Any

SERVER = "FORKS"
"""The variable that says forks where the socket is; `socket_of_server` is what the process of the tests is told."""
socket_of_server = os.environ.get(SERVER, "")
STARTER = "FORKED_BY"
"""The variable with the process that asked for a fork: what `os.getppid` would give."""


class Forked:
    """A process, with as much of `subprocess.Popen` as is used here.

    Args:
        command: this Python, then ``-c``, a program and its arguments, or ``-m``, a module and its arguments.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stdin: int | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        text: bool = False,
        errors: str | None = None,
        start_new_session: bool = False,
    ) -> None:
        python, *words = map(str, command)
        assert python == sys.executable
        self.returncode: int | None = None
        self.stdin: IO[Any] | None = None
        self.stdout: IO[Any] | None = None
        self.stderr: IO[Any] | None = None
        if stdin == subprocess.PIPE:
            first, ours = os.pipe()
            self.stdin = os.fdopen(ours, "w" if text else "wb", -1 if text else 0)
        else:
            first = os.open(os.devnull, os.O_RDONLY) if stdin is None else os.dup(stdin)
        given = [first]
        for number, wanted in ((1, stdout), (2, stderr)):
            if wanted == subprocess.PIPE:
                ours, theirs = os.pipe()
                file = os.fdopen(ours, errors=errors) if text else os.fdopen(ours, "rb", 0)
                setattr(self, "stdout" if number == 1 else "stderr", file)
            elif wanted == subprocess.DEVNULL:
                theirs = os.open(os.devnull, os.O_WRONLY)
            elif wanted == subprocess.STDOUT:
                theirs = os.dup(given[1])
            else:
                theirs = os.dup(number if wanted is None else wanted if isinstance(wanted, int) else wanted.fileno())
            given.append(theirs)
        server = socket_of_server or os.environ[SERVER]
        request = {
            "words": words,
            "environment": {**(os.environ if env is None else env), SERVER: server, STARTER: str(os.getpid())},
            "folder": str(cwd or os.getcwd()),
            "session": start_new_session,
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(server)
        content = json.dumps(request).encode()
        socket.send_fds(connection, [len(content).to_bytes(4, "big")], given)
        connection.sendall(content)
        for descriptor in given:
            os.close(descriptor)
        answers = connection.makefile("r")
        connection.close()
        self.pid = int(answers.readline())
        self._waiting = threading.Thread(target=self._wait, args=(answers,), daemon=True)
        self._waiting.start()

    def poll(self) -> int | None:
        """Its exit code, once it has ended; negative for the signal that ended it."""
        return self.returncode

    def wait(self) -> int:
        """The same, when it has ended."""
        self._waiting.join()
        assert self.returncode is not None, "the process that forks is gone"
        return self.returncode

    def communicate(self) -> None:
        """Closes its input and waits."""
        if self.stdin is not None:
            self.stdin.close()
        self.wait()

    def send_signal(self, signum: int) -> None:
        """Sends it a signal, if it has not ended."""
        if self.returncode is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """Ends it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, answers: IO[str]) -> None:
        with answers:
            told = answers.readline()
        if told:
            self.returncode = int(told)


INSTEAD = SimpleNamespace(**{**vars(subprocess), "Popen": Forked})
"""What the modules of the toolkit that start processes call `subprocess`."""
IMPORTED = ("toolkit.cli", "toolkit.runs.fits", "toolkit.runs.rank", "matplotlib.pyplot")
STARTERS = ("toolkit.engine.launch", "toolkit.runs.batch_size")


def serve(path: str) -> None:
    """Forks whenever it is asked, until its input ends."""
    # As `python -c` has it, and not the folder of this file.
    sys.path[0] = ""
    gc.disable()
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    for name in STARTERS:
        sys.modules[name].subprocess = INSTEAD  # type: ignore[attr-defined]  # any module, for mypy
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    ended, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for each in (listener, ended, 0):
            selector.register(each, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if 0 in ready:
                return
            if ended in ready:
                os.read(ended, 1000)
                for pid in list(waiting):
                    found, status = os.waitpid(pid, os.WNOHANG)
                    if found:
                        with waiting.pop(pid) as connection:
                            _tell(connection, os.waitstatus_to_exitcode(status))
            if listener in ready:
                connection, _ = listener.accept()
                size, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
                request = json.loads(connection.makefile("rb").read(int.from_bytes(size, "big")))
                pid = os.fork()
                if pid == 0:
                    _become(request, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                waiting[pid] = connection
                _tell(connection, pid)


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who asked is gone
        connection.sendall(f"{number}\n".encode())


def _become(request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Carries out a request in this process, and ends it."""
    code: Any = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if request["session"]:
            os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.closerange(3, 1024)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [place for place in places if place and place not in sys.path]
        if "UNDRAWN" in os.environ:
            # As the fixture `undrawn` does.
            plots = importlib.import_module("toolkit.tracking.plots")
            plots._learning_curve = lambda run: []  # type: ignore[attr-defined]  # mypy sees any module
            plots.evaluation_pictures = lambda experiment, folder, prefix="": []  # type: ignore[attr-defined]  # mypy sees any module
        if "PYTHONUNBUFFERED" in os.environ:
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # files, and open
        kind, program, *arguments = request["words"]
        sys.argv = [kind, *arguments]
        if kind == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as stop:
        code = 0 if stop.code is None else stop.code
    except BaseException:
        traceback.print_exc()
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    # What Python does at its end, of which `os._exit` leaves everything out.
    threading._shutdown()  # type: ignore[attr-defined]  # the stubs leave it out
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
