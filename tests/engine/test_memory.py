"""How much memory there is, by what the system tells, and which errors mean that there was not enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.engine.memory import available_memory, out_of_memory, peak_memory, shown_bytes

MIB = 1 << 20


def machine(root: Path, cgroup: str, **files: str) -> Path:
    """A file system that tells of 8 GiB of free memory, and of control groups; `__` in a name stands for a slash."""
    told = {"proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n", "proc/self/cgroup": cgroup}
    told |= {
        f"sys/fs/cgroup/{name.replace('__', '/').replace('memory_', 'memory.')}": text for name, text in files.items()
    }
    for name, text in told.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_limit_it_is_what_the_machine_has_left(tmp_path: Path) -> None:
    assert available_memory(machine(tmp_path, "0::/\n")) == 8192 * MIB
    unlimited = machine(tmp_path, "0::/job\n", job__memory_max="max\n", job__memory_current="5\n")
    assert available_memory(unlimited) == 8192 * MIB


def test_a_control_group_or_one_around_it_allows_less(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/slice/job\n",
        slice__memory_max=f"{2048 * MIB}\n",
        slice__memory_current=f"{1024 * MIB}\n",
        slice__memory_stat=f"anon 3\ninactive_file {100 * MIB}\n",
        slice__job__memory_max=f"{4096 * MIB}\n",
        slice__job__memory_current=f"{1024 * MIB}\n",
        slice__job__memory_stat="inactive_file 0\n",
    )
    assert available_memory(root) == 1124 * MIB


def test_control_groups_of_the_first_version_count_too(tmp_path: Path) -> None:
    files = {
        "memory__job__memory_limit_in_bytes": f"{3000 * MIB}\n",
        "memory__job__memory_usage_in_bytes": f"{1000 * MIB}\n",
        "memory__job__memory_stat": f"total_inactive_file {MIB}\n",
        # No limit is a number like this one.
        "memory__memory_limit_in_bytes": "9223372036854771712\n",
    }
    assert available_memory(machine(tmp_path, "4:memory:/job\n2:cpu:/\n", **files)) == 2001 * MIB


def test_this_machine_has_some_and_this_process_has_taken_some() -> None:
    assert peak_memory() > 0
    assert available_memory() > 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which "
                "5.21 GiB is free. Including non-PyTorch memory, this process has 73 GiB in use."
            ),
            "20.00 GiB on the device, of whose 79.10 GiB 5.21 GiB were free",
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), "memory of the device"),
        (MemoryError(), "memory of the machine"),
        (ValueError("no such thing"), None),
    ],
)
def test_what_an_error_says_of_memory(error: BaseException, said: str | None) -> None:
    assert out_of_memory(error) == said


def test_the_allocators_own_errors_are_understood() -> None:
    with pytest.raises(RuntimeError) as torchs:
        torch.empty(10**15)
    assert out_of_memory(torchs.value) == "3637.98 TiB of the machine's memory"
    with pytest.raises(MemoryError) as numpys:
        np.empty(10**15)
    assert out_of_memory(numpys.value) == "7.11 PiB of the machine's memory"
    around = KeyError("batch")
    around.__cause__ = torchs.value
    assert out_of_memory(around) == "3637.98 TiB of the machine's memory"


def test_bytes_as_people_read_them() -> None:
    assert [shown_bytes(count) for count in (10, 2048, 3.5 * 2**30, 2**50)] == [
        "10 B",
        "2.00 KiB",
        "3.50 GiB",
        "1024.00 TiB",
    ]
