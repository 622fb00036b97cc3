"""Imports everything that a plugin offers in a child process and tells what is broken, why, and how long it took.

A child, because an import may end the process, hang, or change it; one for all entries of a plugin, because each would
import torch again. Imports nothing heavy in this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from toolkit.registry.entry import Entry
from toolkit.registry.errors import BrokenComponent
from toolkit.registry.loading import load
from toolkit.registry.plugin import Plugin

_CHILD = (
    "import json, sys; job = json.load(sys.stdin); sys.path[:] = job['path']; "
    "from toolkit.registry.import_check import _import_all; _import_all(job['entries'])"
)


@dataclass(frozen=True, slots=True)
class ImportCheck:
    """What came of importing one entry of a plugin."""

    kind: str
    """A kind of component, or ``hook``."""
    name: str
    value: str
    ok: bool
    reason: str
    """Why it is broken; empty if it is not."""
    seconds: float
    """How long the import took; the first entry of a module bears the time of the whole module."""


LIBRARY = "library"
"""What stands for a kind where a module is imported that is no plugin's."""


def check_imports(plugin: Plugin, *, before: Sequence[str] = (), timeout: float = 120.0) -> Iterator[ImportCheck]:
    """Import each component and hook of ``plugin`` in a child process; one result for each, as they come.

    Args:
        plugin: what to import.
        before: modules that are imported first, so that their time is not an entry's; a result comes for each, of the
            kind ``library``.
        timeout: the most seconds that one entry may take.
    """
    hooks = [Entry("hook", name, value, plugin.distribution, plugin.version) for name, value in plugin.hooks]
    libraries = [Entry(LIBRARY, module, module, "", "") for module in before]
    told: set[str] = set()
    waiting = [*libraries, *plugin.entries, *hooks]
    while waiting:
        done = 0
        for result in _in_child(tuple(waiting), timeout):
            entry = waiting[done]
            done += 1
            if entry.kind == LIBRARY:
                if entry.module in told:  # by the child before this one
                    continue
                told.add(entry.module)
            yield result
        # Where anything is left the child ended or hung in this module: it would do so again for its other entries.
        left = waiting[done:]
        for each in left:
            if each.module == entry.module:
                yield ImportCheck(each.kind, each.name, each.value, False, result.reason, 0.0)
        libraries = [each for each in libraries if each.module != entry.module]
        left = [each for each in left if each.kind != LIBRARY and each.module != entry.module]
        waiting = [*libraries, *left] if left else []


def _in_child(entries: Sequence[Entry], timeout: float) -> Iterator[ImportCheck]:
    """Results of one child for the first of ``entries``; the last is a broken one if the child did not get through."""
    with tempfile.TemporaryFile() as job, tempfile.TemporaryFile() as stderr:
        # A file, not a pipe: a child that dies at once would leave this process writing into a broken one.
        path = [each for each in sys.path if isinstance(each, str)]
        job.write(json.dumps({"path": path, "entries": [asdict(entry) for entry in entries]}).encode())
        job.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=job,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        assert child.stdout is not None
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
        try:
            for entry in entries:
                started = time.monotonic()
                try:
                    line = lines.get(timeout=timeout)
                except queue.Empty:
                    reason = f"did not finish within {timeout:g} s"
                else:
                    if line.endswith(b"\n"):
                        yield ImportCheck(entry.kind, entry.name, entry.value, **json.loads(line))
                        continue
                    reason = _end(child.wait(), stderr)
                yield ImportCheck(
                    entry.kind, entry.name, entry.value, False, reason, round(time.monotonic() - started, 3)
                )
                return
        finally:
            _kill(child)


def _read(stdout: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in stdout:
        lines.put(line)
    lines.put(b"")


def _end(status: int, stderr: IO[bytes]) -> str:
    stderr.seek(0)
    said = [line.strip() for line in stderr.read().decode("utf-8", "replace").splitlines() if line.strip()]
    last = f": {said[-1]}" if said else ""
    if status < 0:
        return f"the Python process was ended by {signal.Signals(-status).name}{last}"
    return f"the Python process ended itself with status {status}{last}"


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and, where the system has sessions, what it has started."""
    # It may have ended by itself, with nothing of its session left.
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _import_all(entries: Sequence[dict[str, Any]]) -> None:
    """In the child: import each entry and write one line for it."""
    # What the imported code prints must not mix with the results.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for fields in entries:
        started = time.perf_counter()
        reason = ""
        try:
            load(Entry(**fields))
        except BrokenComponent as error:
            reason = error.reason
        seconds = round(time.perf_counter() - started, 3)
        results.write(json.dumps({"ok": not reason, "reason": reason, "seconds": seconds}) + "\n")
        results.flush()
