"""Installs the example plugins for their tests, as pip does, into a folder of their own.

They are not part of the environment that `make` makes: nobody finds them in `toolkit ls` who did not ask for them.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

PLUGINS = sorted(path.parent for path in (Path(__file__).parent / "plugins").glob("*/pyproject.toml"))


@functools.cache
def _site() -> tempfile.TemporaryDirectory[str]:
    """Installs the example plugins, without what they depend on, into a folder that goes when pytest ends."""
    assert len(PLUGINS) == 4
    site = tempfile.TemporaryDirectory(prefix="toolkit-examples-")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", site.name]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *options, *map(str, PLUGINS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


def _forget(site: Path) -> None:
    """Take modules of the example plugins out of this process."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(site)):
            del sys.modules[name]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The contract's tests are those of an installed plugin's cases, so that collecting them needs it already."""
    if not isinstance(collector, pytest.Module) or collector.path.name != "test_contract.py":
        return (yield)
    site = Path(_site().name)
    sys.path.append(str(site))
    try:
        return (yield)
    finally:
        sys.path.remove(str(site))
        _forget(site)


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder that holds the example plugins, without what they depend on."""
    return Path(_site().name)


@pytest.fixture(autouse=True)
def environment(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current folder, and the plugins on the path of this process and of those that it starts."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    paths = [str(installed), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.delenv("TOOLKIT_WEBHOOK", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    _forget(installed)


@pytest.fixture
def toolkit(command_line: Callable[..., Any]) -> Callable[..., Any]:
    """Carry out a command line in the current folder, as if through a pipe."""
    return command_line


@pytest.fixture
def readme(request: pytest.FixtureRequest) -> list[list[str]]:
    """The words of every `toolkit` command in the README of the plugin whose test asks, without `toolkit` itself."""
    text = (request.path.parents[1] / "README.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"(?s)\n```sh\n(.*?)```", text) for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    assert len(words) >= 3
    assert all(each[0] == "toolkit" for each in words)
    return [each[1:] for each in words]
