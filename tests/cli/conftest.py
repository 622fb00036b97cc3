"""Runs commands in this process, and installs plugins for them: real metadata folders and real modules."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


Command = Callable[..., Any]


@pytest.fixture
def toolkit(command_line: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Carry out a command line in an empty folder, as if through a pipe."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return command_line


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for installed packages, first on ``sys.path``; what is imported from it is forgotten after the test."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield folder
    for name in set(sys.modules) - set(before):
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


Install = Callable[..., None]


@pytest.fixture
def install(site: Path, install_plugin: Install) -> Install:
    """Write a distribution's metadata and files as an installer would; see `write_plugin` in tests/conftest.py."""
    return functools.partial(install_plugin, site)


NET = '''"""Nets."""


class Net:
    """A small net.

    Args:
        width: channels of every layer.
    """

    def __init__(self, num_classes: int, width: int = 8, shape: tuple[int, int] = (3, 3), act: object = max) -> None:
        self.width = width


def make(**kwargs):
    return kwargs
'''


@pytest.fixture
def acme(install: Install) -> None:
    """A plugin with two models, a loss that core has too, a scheduler whose module is absent, and two recipes."""
    install(
        "acme-nets",
        {
            "models": {"acme_net": "acme_nets:Net", "acme_maker": "acme_nets:make"},
            "losses": {"mse": "acme_nets:make"},
            "schedulers": {"acme_wave": "acme_nets.absent:Wave"},
            "recipes": {"acme": "acme_nets.recipes"},
        },
        {
            "acme_nets/__init__.py": NET,
            "acme_nets/recipes/base.yaml": "# A base.\nmodel: acme_net\ndataset: toolkit-audio/wave\n",
            "acme_nets/recipes/acme/child.yaml": (
                "# A child of the base.\n"
                "# It is short.\n"
                'extends: "../base.yaml" # the parent\n'
                "model: {width: 16}\n"
                "optimizer: {use: sgd, lr: 0.1}\n"
            ),
        },
    )
