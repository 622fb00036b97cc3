"""Runs commands in this process, and installs plugins for them: real metadata folders and real modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command printed, and the code it ended with."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def toolkit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Carry out a command line in an empty folder, as if through a pipe."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("COLUMNS", "FORCE_COLOR", "TOOLKIT_RUNS"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return command


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
def install(site: Path) -> Install:
    """Write a distribution's metadata and files as an installer would."""

    def install(
        name: str,
        entry_points: Mapping[str, Mapping[str, str]],
        files: Mapping[str, str] | None = None,
        *,
        requires: str = "",
    ) -> None:
        metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir()
        lines = []
        for group, pairs in entry_points.items():
            lines += [f"[toolkit.{group}]", *(f"{key} = {value}" for key, value in pairs.items()), ""]
        (metadata / "entry_points.txt").write_text("\n".join(lines))
        wanted = f"Requires-Dist: {requires}\n" if requires else ""
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{wanted}")
        for path, text in (files or {}).items():
            file = site / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return install


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
