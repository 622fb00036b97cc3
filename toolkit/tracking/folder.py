"""The folder of one run: where it lies, what its files are called, and how a run is found again.

Imports nothing heavy, so that ``toolkit runs`` answers at once.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import socket
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.errors import RequestError, shown_path
from toolkit.tracking.files import write_atomic
from toolkit.tracking.redact import Redactor

RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z]{4}")

RESERVED_BYTES = 256 * 1024

RUNNING = "running"
FINISHED = "finished"
FAILED = "failed"
INTERRUPTED = "interrupted"
TERMINATED = "terminated"
KILLED = "killed"
"""Never written: what a run is called that says "running" while its process is gone."""


def runs_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds all runs: ``TOOLKIT_RUNS``, else ``runs`` where one stands."""
    return Path(environ.get("TOOLKIT_RUNS") or "runs").expanduser()


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder, ``runs/<recipe>/<run-id>/``; every text written through it passes the redactor."""

    path: Path

    @classmethod
    def create(cls, root: Path, recipe: str, letters: random.Random | None = None) -> RunFolder:
        """Makes the folder of a new run; the run's id is its name: UTC time and four random letters.

        Args:
            root: the folder of all runs; it is created where it is missing.
            recipe: the recipe's name, such as ``vision/digits``.
            letters: what the letters are drawn from; the system's own where it is left out.

        Raises:
            RequestError: the folder cannot be made.
        """
        # A generator of its own: the id must not change what a seeded program draws next, nor repeat with its seed.
        letters = letters or random.SystemRandom()
        parent = root.absolute() / recipe
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = _claim(parent, letters)
            for inner in (folder.checkpoints, folder.plots, folder.logs):
                inner.mkdir()
        except OSError as error:
            raise RequestError(
                f"the run's folder could not be made: {error.strerror}: {error.filename}\n"
                "Set TOOLKIT_RUNS to a folder that can be written to"
            ) from error
        return folder

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def files(self) -> Path:
        """What the dataset gave the run to keep; there only where it gave something."""
        return self.path / "files"

    @property
    def metrics_csv(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def recipe_yaml(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def traceback_txt(self) -> Path:
        return self.logs / "traceback.txt"

    @property
    def shown(self) -> str:
        """The path as a person would type it: relative where it lies below the current folder."""
        return shown_path(self.path)

    def reserve(self) -> None:
        """Takes room on the disk that `release` gives back: a run that fills it can still say so in ``run.json``."""
        self._reserve.write_bytes(os.urandom(RESERVED_BYTES))

    def release(self) -> None:
        """Gives back what `reserve` took."""
        self._reserve.unlink(missing_ok=True)

    @property
    def _reserve(self) -> Path:
        return self.logs / ".reserve"

    def remove(self) -> None:
        """Removes the folder of a run that was never started."""
        shutil.rmtree(self.path)

    def write_text(self, path: Path, text: str) -> None:
        """Writes a text file of this run, redacted, atomically."""
        write_atomic(path, Redactor.from_environment().text(text).encode("utf-8", "surrogateescape"))

    def write_json(self, content: Mapping[str, Any]) -> None:
        """Writes ``run.json``, redacted, atomically; numbers that JSON has no form for become ``"nan"``, ``"inf"``."""
        redacted = Redactor.from_environment().values(_plain(content))
        write_atomic(self.run_json, (json.dumps(redacted, indent=2, allow_nan=False) + "\n").encode())

    def read_json(self) -> dict[str, Any]:
        """What ``run.json`` says; empty when it is missing, as in the first moments of a run."""
        try:
            content = json.loads(self.run_json.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def update_json(self, **changes: Any) -> None:
        """Changes some of the top-level keys of ``run.json`` and keeps the others."""
        self.write_json({**self.read_json(), **changes})

    def status(self) -> str:
        """The run's status; ``killed`` for one that says "running" but whose process on this machine is gone."""
        content = self.read_json()
        status = str(content.get("status", KILLED))
        if status == RUNNING and not process_lives(content.get("process", {})):
            return KILLED
        return status


def this_process(pid: int | None = None) -> dict[str, Any]:
    """What tells this process, or another of this machine, from a later one with the same number.

    ``run.json`` keeps it of the process that executes the run.
    """
    pid = os.getpid() if pid is None else pid
    return {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}


def process_lives(process: Mapping[str, Any]) -> bool:
    """Whether the process that `this_process` described still runs; one on another machine is taken to."""
    if process.get("host") != socket.gethostname():
        return bool(process)
    pid = process.get("pid")
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process.get("started") == _started(pid)


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's own units; None where that cannot be read."""
    try:
        # The command's name stands in parentheses and may itself hold spaces and parentheses.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def list_runs(root: Path | None = None) -> list[RunFolder]:
    """All runs below ``root``, newest first."""
    found: list[RunFolder] = []
    for folder, names, _ in os.walk(root or runs_root()):
        runs = [name for name in names if RUN_ID.fullmatch(name)]
        found += [RunFolder(Path(folder, name).absolute()) for name in runs]
        # A run's own folders hold no runs, and checkpoints make them slow to walk.
        names[:] = [name for name in names if name not in runs]
    return sorted(found, key=_age, reverse=True)


def find(which: str | Path | RunFolder, root: Path | None = None) -> RunFolder:
    """The run that a person means.

    Args:
        which: ``last`` (the newest), a run's id or the beginning of one, or the path of a run's folder.
        root: the folder of all runs; `runs_root` when left out.

    Raises:
        RequestError: there is no such run, or there are several.
    """
    if isinstance(which, RunFolder):
        return which
    text = str(which)
    path = Path(text).expanduser()
    if isinstance(which, Path) or "/" in text or path.is_dir():
        if not (path / "run.json").is_file():
            raise RequestError(f"{text} is not the folder of a run: it has no run.json")
        return RunFolder(path.absolute())
    root = root or runs_root()
    runs = list_runs(root)
    if not runs:
        raise RequestError(f"there is no run yet in {_where(root)}. Start one: toolkit run RECIPE")
    if text == "last":
        return runs[0]
    matching = [run for run in runs if run.id.startswith(text)] if text else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        listed = "".join(f"\n  {run.id}   {run.read_json().get('recipe', '')}" for run in matching[:10])
        more = f"\n  and {len(matching) - 10} more" if len(matching) > 10 else ""
        raise RequestError(f"{len(matching)} runs begin with {text!r}:{listed}{more}\nGive more of the id.")
    raise RequestError(
        f"there is no run {text!r} in {_where(root)}. `toolkit runs` lists those that are there; `last` is the newest."
    )


def _where(root: Path) -> str:
    """Where runs were looked for, so that somebody in the wrong folder sees it."""
    return f"{root.absolute()} ({'TOOLKIT_RUNS' if os.environ.get('TOOLKIT_RUNS') else 'TOOLKIT_RUNS is not set'})"


def _age(run: RunFolder) -> tuple[str, str]:
    # Ids made in the same second differ by random letters only: there run.json knows better.
    return run.id[:15], str(run.read_json().get("created", ""))


def _claim(parent: Path, letters: random.Random) -> RunFolder:
    """A folder that this process, and no other, has made."""
    while True:
        now = datetime.now(UTC)
        path = parent / f"{now:%Y%m%d-%H%M%S}-{''.join(letters.choices(string.ascii_lowercase, k=4))}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return RunFolder(path)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
