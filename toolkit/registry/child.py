"""Does something with each of several entries in a child process, because an import may end the process, or hang.

One child for all of them, because each would import torch again; where it ends or hangs, another goes on behind the
module that did it. Imports nothing heavy in this process.
"""

from __future__ import annotations

import contextlib
import importlib
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

_CHILD = (
    # Imports leave nothing to collect, and looking for it takes as long as importing.
    "import gc, json, sys; gc.disable(); job = json.load(sys.stdin); sys.path[:] = job['path']; "
    "from toolkit.registry.child import _each; _each(job['function'], job['entries'])"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one entry."""

    entry: Entry
    told: dict[str, Any] | None
    """What the function returned; None where the child ended or hung."""
    reason: str
    """Why there is no answer; empty where there is one."""
    seconds: float
    """How long the child was waited for where there is no answer."""


def in_children(
    entries: Sequence[Entry], function: str, *, before: Sequence[Entry] = (), timeout: float = 120.0
) -> Iterator[Answer]:
    """Call a function with each entry in a child process; one answer for each, as they come.

    Args:
        entries: what to call it with.
        function: ``module:name`` of one that takes an entry and returns what JSON can hold, a dict.
        before: what every child calls it with first; one answer for each, whatever the number of children.
        timeout: the most seconds that one entry may take.
    """
    answered: set[Entry] = set()
    first, left = list(before), list(entries)
    while first or left:
        waiting = [*first, *left]
        for answer in _in_child(tuple(waiting), function, timeout):
            waiting.pop(0)
            if answer.entry in answered:  # of those that come first, by the child before this one
                continue
            answered.add(answer.entry)
            yield answer
        # Where anything is left the child ended or hung in this module: it would do so again for its other entries.
        for each in waiting:
            if each.module == answer.entry.module and each not in answered:
                answered.add(each)
                yield Answer(each, None, answer.reason, 0.0)
        left = [each for each in left if each not in answered]
        first = [each for each in first if each.module != answer.entry.module] if left else []


def _in_child(entries: Sequence[Entry], function: str, timeout: float) -> Iterator[Answer]:
    """Answers of one child for the first of ``entries``; the last has none if the child did not get through."""
    with tempfile.TemporaryFile() as job, tempfile.TemporaryFile() as stderr:
        # A file, not a pipe: a child that dies at once would leave this process writing into a broken one.
        path = [each for each in sys.path if isinstance(each, str)]
        told = {"path": path, "function": function, "entries": [asdict(entry) for entry in entries]}
        job.write(json.dumps(told).encode())
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
                        yield Answer(entry, json.loads(line), "", 0.0)
                        continue
                    reason = _end(child.wait(), stderr)
                yield Answer(entry, None, reason, round(time.monotonic() - started, 3))
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


def _each(function: str, entries: Sequence[dict[str, Any]]) -> None:
    """In the child: call the function with each entry and write one line for it."""
    # What the imported code prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    for fields in entries:
        answers.write(json.dumps(call(Entry(**fields))) + "\n")
        answers.flush()
