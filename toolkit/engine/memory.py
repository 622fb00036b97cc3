"""How much memory there is, how much this process has taken, and which errors say that there was not enough.

Imports torch when asked about an error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 1 << 60
"""Control groups of the first version write a number above this where there is no limit."""


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that programs of this machine can still take without swapping; less where a control group allows less.

    Args:
        root: of the file system, below which ``proc`` and ``sys`` lie.
    """
    found = [_of_the_machine(root), *_of_control_groups(root)]
    return max(0, min(found))


def peak_memory() -> int:
    """The most bytes of memory that this process has held at a time so far."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # Not getrusage: on Linux it also counts what the program that started this one had held.
    return _kilobytes(status, "VmHWM")


def out_of_memory(error: BaseException | None) -> str | None:
    """What an exception, or one that caused it, says of memory that could not be had; None for any other.

    Returns:
        A short text, such as ``20.00 GiB on the GPU, of which 5.21 GiB of 79.10 GiB were free``.
    """
    import torch

    while error is not None:
        text = str(error)
        if isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "CUDNN_STATUS_ALLOC_FAILED" in text:
            return _on_a_device(text)
        if isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
            return _on_the_cpu(text)
        error = error.__cause__ or error.__context__
    return None


def shown_bytes(count: float) -> str:
    """Bytes as people read them: ``3.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} TiB"


def _on_a_device(text: str) -> str:
    asked = re.search(r"[Tt]ried to allocate ([\d.]+ \wi?B)", text)
    found = f"{asked[1]} on the device" if asked else "memory of the device"
    free = re.search(r"total capacity of ([\d.]+ \wi?B) of which ([\d.]+ \wi?B) is free", text)
    return f"{found}, of whose {free[1]} {free[2]} were free" if free else found


def _on_the_cpu(text: str) -> str:
    asked = re.search(r"tried to allocate (\d+) bytes", text)
    if asked:
        return f"{shown_bytes(int(asked[1]))} of the machine's memory"
    asked = re.search(r"Unable to allocate ([\d.]+ \wi?B)", text)  # NumPy's
    return f"{asked[1]} of the machine's memory" if asked else "memory of the machine"


def _of_the_machine(root: Path) -> int:
    try:
        return _kilobytes((root / "proc/meminfo").read_text(), "MemAvailable")
    except OSError:
        # Half of all there is: elsewhere than on Linux nothing tells what is free.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _of_control_groups(root: Path) -> Iterator[int]:
    """What each control group that this process is in still allows, the innermost first."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        inner = path.strip("/").split("/") if path.strip("/") else []
        for depth in range(len(inner), -1, -1):
            left = _left(top.joinpath(*inner[:depth]), *names)
            if left is not None:
                yield left


def _left(group: Path, limit: str, used: str, reclaimable: str) -> int | None:
    """What a control group still allows; None where it sets no limit."""
    try:
        most = (group / limit).read_text().strip()
        if most == "max" or int(most) > _UNLIMITED:
            return None
        held = int((group / used).read_text())
        # Files that the system has kept in memory and gives up when it is needed.
        found = re.search(rf"^{reclaimable} (\d+)$", (group / "memory.stat").read_text(), re.MULTILINE)
    except (OSError, ValueError):
        return None
    return int(most) - held + (int(found[1]) if found else 0)


def _kilobytes(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise OSError(f"{name} is not told")
    return int(found[1]) * 1024
