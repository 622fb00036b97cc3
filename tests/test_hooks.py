"""Listeners of installed plugins: real package metadata, real modules, and what is told when one is broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolkit.hooks import HOOKS, HookError, LoadedHooks, load_hooks
from toolkit.registry import Registry

Install = Callable[..., None]
HEAD = "from toolkit.hooks import hookimpl\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture
def install(site: Path, install_plugin: Callable[..., Path]) -> Install:
    """Installs a distribution of one module that offers it as listeners."""

    def make(name: str, source: str, value: str = "", requires: str = "") -> None:
        module = name.replace("-", "_")
        offers = {"hooks": {"watch": value or module}}
        install_plugin(site, name, offers, {f"{module}.py": source}, requires=requires)

    return make


@pytest.fixture
def hooks(site: Path) -> Callable[[], LoadedHooks]:
    return lambda: load_hooks(Registry.scan([str(site)]))


LISTENER = """
heard = []

@hookimpl
def toolkit_trainer_options(experiment, options):
    options["max_epochs"] = experiment.epochs

@hookimpl
def toolkit_run_started(run):
    heard.append(("started", run.id))

@hookimpl
def toolkit_run_finished(result):
    heard.append(("finished", result.status))

@hookimpl
def toolkit_run_failed(run, error):
    heard.append(("failed", run.id, type(error).__name__))
"""
RUN = SimpleNamespace(id="20250101-120000-abcd")


def test_a_listener_hears_every_hook(install: Install, hooks: Callable[[], LoadedHooks]) -> None:
    install("acme", HEAD + LISTENER)
    loaded = hooks()
    assert loaded.problems == ()
    options: dict[str, Any] = {}
    loaded.trainer_options(SimpleNamespace(epochs=3), options)
    loaded.run_started(RUN)
    assert loaded.run_finished(RUN, SimpleNamespace(status="done")) == ()
    assert loaded.run_failed(RUN, KeyboardInterrupt()) == ()
    assert options == {"max_epochs": 3}
    heard = sys.modules["acme"].heard
    assert heard == [("started", RUN.id), ("finished", "done"), ("failed", RUN.id, "KeyboardInterrupt")]


@pytest.mark.parametrize("value", ["acme:Listener", "acme:listener", "acme:holder.listener"])
def test_a_listener_may_be_a_class_or_an_object(install: Install, hooks: Callable[[], LoadedHooks], value: str) -> None:
    install(
        "acme",
        "import pluggy, types\nhookimpl = pluggy.HookimplMarker('toolkit')\n"
        "heard = []\nclass Listener:\n    name = 'a'\n"
        "    @hookimpl\n    def toolkit_run_started(self, run):\n        heard.append(self.name + run.id)\n"
        "listener = Listener()\nholder = types.SimpleNamespace(listener=listener)\n",
        value=value,
    )
    hooks().run_started(RUN)
    assert sys.modules["acme"].heard == [f"a{RUN.id}"]


STARTED = "@hookimpl\ndef toolkit_run_started(run): "


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module\n", "could not be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import sys\nsys.exit(3)\n", "could not be imported: SystemExit: 3"),
        (
            HEAD + "@hookimpl\ndef toolkit_run_strated(run): pass\n",
            "listens to 'toolkit_run_strated', which is no hook. Did you mean 'toolkit_run_started'? There are: "
            "toolkit_trainer_options, toolkit_run_started, toolkit_run_finished, toolkit_run_failed",
        ),
        (
            HEAD + "@hookimpl\ndef toolkit_run_started(rum): pass\n",
            "does not fit its hook: Argument(s) {'rum'} are declared in the hookimpl but can not be found in the "
            "hookspec",
        ),
        (
            "def toolkit_run_started(run): pass\n",
            "does not mark toolkit_run_started as a listener: put @hookimpl of toolkit.hooks above it",
        ),
        ("", "holds no listener: nothing in it is marked with @hookimpl. There are: " + ", ".join(HOOKS)),
    ],
)
def test_a_broken_listener_is_left_out_and_harms_no_other(
    install: Install, hooks: Callable[[], LoadedHooks], source: str, message: str
) -> None:
    install("acme", source)
    install("well", HEAD + "heard = []\n" + STARTED + "heard.append(run.id)\n")
    loaded = hooks()
    assert loaded.problems == (f"hooks 'watch' (acme 1.0, acme) {message}\nThe run goes on without it.",)
    loaded.run_started(RUN)
    assert sys.modules["well"].heard == [RUN.id]


def test_a_plugin_built_for_another_toolkit_is_not_even_imported(
    install: Install, install_plugin: Callable[..., Path], hooks: Callable[[], LoadedHooks], site: Path
) -> None:
    install("acme", "raise AssertionError\n", requires="toolkit-core (>=7)")
    install_plugin(site, "toolkit-core", {"losses": {"mse": "torch.nn:MSELoss"}}, version="0.1.0")
    (problem,) = hooks().problems
    assert problem.startswith(
        "hooks 'watch' (acme 1.0, acme) was built for another version of the toolkit: it asks for toolkit-core >=7, "
        "and 0.1.0 is installed"
    )


def test_a_listener_that_raises_at_the_start_ends_the_run_and_is_named(
    install: Install, hooks: Callable[[], LoadedHooks]
) -> None:
    install("acme", HEAD + STARTED + "raise ValueError('no such server')\n")
    with pytest.raises(HookError) as caught:
        hooks().run_started(RUN)
    assert (
        str(caught.value) == "hooks 'watch' (acme 1.0, acme) failed in toolkit_run_started: ValueError: no such server"
    )
    assert caught.value.exit_code == 3
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__.__notes__ == ["while hooks 'watch' (acme 1.0, acme) listened to toolkit_run_started"]


def test_listeners_that_raise_at_the_end_are_reported_and_all_are_called(
    install: Install, hooks: Callable[[], LoadedHooks]
) -> None:
    for name in ("acme", "zeta"):
        install(name, HEAD + "@hookimpl\ndef toolkit_run_finished(result): raise OSError('disk')\n")
    install("well", HEAD + "heard = []\n@hookimpl\ndef toolkit_run_finished(result): heard.append(result)\n")
    loaded = hooks()
    for _ in range(2):
        assert set(loaded.run_finished(RUN, "result")) == {
            f"hooks 'watch' ({name} 1.0, {name}) failed in toolkit_run_finished: OSError: disk"
            for name in ("acme", "zeta")
        }
    assert sys.modules["well"].heard == ["result", "result"]


WRAPPER = """
@hookimpl(wrapper=True)
def toolkit_run_started(run):
    result = yield
    raise ValueError("after")

@hookimpl(wrapper=True)
def toolkit_run_finished(run):
    result = yield
    raise ValueError("after")
"""


def test_a_wrapper_is_blamed_like_any_other(install: Install, hooks: Callable[[], LoadedHooks]) -> None:
    install("acme", HEAD + WRAPPER)
    with pytest.raises(HookError) as caught:
        hooks().run_started(RUN)
    assert str(caught.value).endswith("failed in toolkit_run_started: ValueError: after")
    assert [text.partition("failed")[2] for text in hooks().run_finished(RUN, None)] == [
        " in toolkit_run_finished: ValueError: after"
    ]


def test_a_wrapper_does_not_take_the_blame_of_another(install: Install, hooks: Callable[[], LoadedHooks]) -> None:
    install("acme", HEAD + STARTED + "raise ValueError('mine')\n")
    install("zeta", HEAD + "@hookimpl(wrapper=True)\ndef toolkit_run_started(run): return (yield)\n")
    with pytest.raises(HookError) as caught:
        hooks().run_started(RUN)
    assert str(caught.value).startswith("hooks 'watch' (acme 1.0, acme) failed")


def test_importing_the_hooks_imports_no_torch() -> None:
    code = "import sys, toolkit.hooks; print([name for name in ('torch', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
