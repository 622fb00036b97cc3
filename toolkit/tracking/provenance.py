"""Where a run came from: the code, the packages, the machine. Imports torch only to ask for devices that it sees.

Everything here is told as it is found; what cannot be found out is left out, and never stops a run.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.registry import Registry

GIT_SECONDS = 10
PATCH_BYTES = 2_000_000
"""A longer patch is cut there: someone has changed data, not code."""

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "torchvision", "numpy", "wandb")
"""Versions that are recorded besides those of the toolkit and its plugins."""


@dataclass(frozen=True, slots=True)
class Git:
    """The state of the repository that a run was started in."""

    commit: str
    branch: str
    remote: str
    dirty: bool
    untracked: tuple[str, ...]
    patch: str
    """What differs from the commit, as ``git apply`` takes it; empty when nothing does."""


def git_state(folder: Path) -> Git | None:
    """The repository around ``folder``; None where there is none, no commit yet, or no git.

    Args:
        folder: any folder of the working tree.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    patch = _git(folder, "diff", "--no-ext-diff", "--no-color", "--binary", "HEAD") or ""
    listed = _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", ":/") or ""
    untracked = tuple(listed.splitlines())
    if len(patch) > PATCH_BYTES:
        patch = patch[:PATCH_BYTES] + "\n# cut here: the patch is longer\n"
    return Git(
        commit=commit.strip(),
        branch=(_git(folder, "rev-parse", "--abbrev-ref", "HEAD") or "").strip(),
        remote=(_git(folder, "config", "--get", "remote.origin.url") or "").strip(),
        dirty=bool(patch or untracked),
        untracked=untracked[:200],
        patch=patch,
    )


def packages(registry: Registry) -> dict[str, str]:
    """Name and version of the toolkit, its plugins, and the packages that decide what a run computes."""
    found = {plugin.distribution: plugin.version for plugin in registry.plugins}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The hardware and the system: processor, cores, memory, accelerators, Python, operating system."""
    import torch

    found: dict[str, Any] = {
        "python": platform.python_version(),
        "os": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": _memory_gib(),
    }
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        found["accelerators"] = names
        found["cuda"] = torch.version.cuda
    elif torch.backends.mps.is_available():
        found["accelerators"] = ["Apple MPS"]
    return {key: value for key, value in found.items() if value is not None}


def hardware_line(found: dict[str, Any]) -> str:
    """What `machine` found, in one line for headers and tables."""
    accelerators: Sequence[str] = found.get("accelerators", ())
    if accelerators:
        names = sorted(set(accelerators))
        return ", ".join(f"{accelerators.count(name)} x {name}" for name in names)
    cores = found["cores"]
    threads = found.get("threads", cores)
    # Fewer where something, such as OMP_NUM_THREADS, asked for fewer: torch computes on no other core then.
    of = f"{threads} thread{'s' if threads != 1 else ''} on " if threads < cores else ""
    return f"{of}{cores} CPU core{'s' if cores != 1 else ''} ({found['processor']})"


def short_commit(git: Mapping[str, Any] | None) -> str:
    """Of a run's record of its repository the commit, for tables, with a ``+`` where files differed from it."""
    return "" if git is None else git["commit"][:7] + ("+" if git["dirty"] else "")


def command() -> list[str]:
    """How this process was called."""
    if not sys.argv:
        return []
    name = Path(sys.argv[0]).name
    return ["toolkit" if name == "__main__.py" else name, *sys.argv[1:]]


def _git(folder: Path, *arguments: str) -> str | None:
    # Without optional locks, so that a run that starts does not disturb a commit that is under way.
    call = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        process = subprocess.Popen(call, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    assert process.stdout is not None
    too_slow = threading.Timer(GIT_SECONDS, process.kill)
    too_slow.start()
    try:
        # No more than is kept: the difference may be a dataset of gigabytes.
        said = process.stdout.read(PATCH_BYTES + 1)
        cut = len(said) > PATCH_BYTES
        if cut:
            process.kill()
        done = process.wait()
    finally:
        too_slow.cancel()
        process.stdout.close()
    return said.decode("utf-8", "surrogateescape") if cut or done == 0 else None


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    return named.group(1) if named else platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return round(pages / 2**30, 1)
