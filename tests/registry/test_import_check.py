"""What importing a plugin's entries in a child process tells, however badly they behave."""

from __future__ import annotations

import os
import queue
import select
import signal
import sys
from types import SimpleNamespace

import pytest

from toolkit.registry import Registry
from toolkit.registry.import_check import ImportCheck, check_imports

HANGS = "import time\nwhile True: time.sleep(60)\n"


@pytest.fixture
def check(install, importable):
    """Install a plugin with one entry a module and return what the check says of each."""

    def check(
        sources: dict[str, str], hooks: dict[str, str] | None = None, timeout: float = 60
    ) -> dict[str, ImportCheck]:
        install(
            "acme-nets",
            "1.0",
            {"toolkit.models": {name: f"acme_{name}:Net" for name in sources}, "toolkit.hooks": hooks or {}},
            modules={f"acme_{name}.py": source for name, source in sources.items()},
        )
        plugin = Registry.scan([str(importable)]).plugin("acme-nets")
        assert plugin is not None
        return {result.name: result for result in check_imports(plugin, timeout=timeout)}

    return check


def test_good_and_broken_entries_and_hooks_are_told_apart(check) -> None:
    sources = {
        "fine": "print('noise on stdout')\nclass Net: ...\n",
        "lacks": "import flash_attn\n",
        "leaves": "import sys; sys.exit(0)\n",
    }

    results = check(sources, hooks={"watch": "acme_fine", "gone": "acme_fine:Gone"})

    assert {name: (each.kind, each.ok, each.reason) for name, each in results.items()} == {
        "fine": ("model", True, ""),
        "lacks": ("model", False, "ModuleNotFoundError: No module named 'flash_attn'"),
        "leaves": ("model", False, "SystemExit: 0"),
        "watch": ("hook", True, ""),
        "gone": ("hook", False, "AttributeError: module 'acme_fine' has no attribute 'Gone'"),
    }
    assert results["fine"].value == "acme_fine:Net"
    assert all(each.seconds >= 0 for each in results.values())
    assert not [name for name in sys.modules if name.startswith("acme_")]


def test_a_child_that_dies_is_reported_and_the_rest_goes_on(check) -> None:
    results = check(
        {
            "a_exits": "import os, sys; print('licence expired', file=sys.stderr, flush=True); os._exit(7)\n",
            "b_killed": f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})\n",
            "c_fine": "class Net: ...\n",
        }
    )

    assert [(each.ok, each.reason) for each in results.values()] == [
        (False, "the Python process ended itself with status 7: licence expired"),
        (False, "the Python process was ended by SIGKILL"),
        (True, ""),
    ]


def test_a_child_that_hangs_is_ended_with_all_that_it_started(check, tmp_path, monkeypatch) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    told: list[int] = []

    class Answers(queue.SimpleQueue):
        """The time is up as soon as the child hangs."""

        def get(self, timeout):
            told.extend(map(int, pids.read_text().split()))
            raise queue.Empty

    monkeypatch.setattr("toolkit.registry.child.queue", SimpleNamespace(SimpleQueue=Answers, Empty=queue.Empty))
    started = f"import os, subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {HANGS!r}])\n"
    started += f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"

    results = check({"hangs": started + HANGS}, timeout=5)

    assert (results["hangs"].ok, results["hangs"].reason) == (False, "did not finish within 5 s")
    child, grandchild = told
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert _ends(grandchild)


def test_the_other_entries_of_a_deadly_module_are_not_tried_again(install, importable, tmp_path) -> None:
    log = tmp_path / "log"
    install(
        "acme-nets",
        "1.0",
        {"toolkit.models": {"a": "acme_nets:A", "b": "acme_nets:B"}, "toolkit.hooks": {"watch": "acme_nets"}},
        modules={"acme_nets.py": f"import os; open({str(log)!r}, 'a').write('x'); os._exit(7)\n"},
    )
    plugin = Registry.scan([str(importable)]).plugin("acme-nets")
    assert plugin is not None

    results = list(check_imports(plugin))

    assert [each.reason for each in results] == ["the Python process ended itself with status 7"] * 3
    assert log.read_text() == "x"


def test_a_plugin_without_components_needs_no_child(install, site) -> None:
    install("acme-nets", "1.0", {"toolkit.recipes": {"acme": "acme_nets.recipes"}})
    (plugin,) = Registry.scan([str(site)]).plugins

    assert list(check_imports(plugin)) == []


def _ends(pid: int) -> bool:
    """Whether a process is gone or goes in the next minute: a signal is delivered when the kernel comes to it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 60)[0])
    finally:
        os.close(process)
