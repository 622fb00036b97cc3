"""The plugin that docs/plugins.md shows can be built, installed, listed and trained, and a wrong argument is named."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """The code block of the page that begins with a comment of this text."""
    found = re.search(rf"(?s)```\w+\n(# {re.escape(beginning)}\n.*?)```", PAGE)
    assert found is not None, f"docs/plugins.md has no block that begins with `# {beginning}`"
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin installed as `pip install` would, from the files on the page."""
    project, site = tmp_path_factory.mktemp("acme-nets"), tmp_path_factory.mktemp("site")
    for name in ("acme_nets.py", "pyproject.toml"):
        (project / name).write_text(block(name))
    command = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        site,
        project,
    ]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def toolkit(program: Callable[..., Any], site: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A command line in an empty folder, with the plugin on the path."""
    here = {"cwd": tmp_path, "PYTHONPATH": str(site), "WANDB_MODE": "offline"}
    return functools.partial(program, "-m", "toolkit", **here)


def test_it_is_listed_with_who_offers_it(toolkit: Any) -> None:
    done = toolkit("ls", "models")
    assert re.search(r"tiny_mlp\s+acme-nets", done.stdout), done.stdout + done.stderr


def test_it_trains(toolkit: Any, tmp_path: Path) -> None:
    overrides = ["model=tiny_mlp", "trainer.max_epochs=1", "loggers.wandb=null"]
    done = toolkit("run", "vision/digits", *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    (page,) = tmp_path.glob("runs/vision/digits/*/recipe.yaml")
    assert "use: acme-nets/tiny_mlp" in page.read_text()


def test_a_wrong_argument_is_named(toolkit: Any) -> None:
    done = toolkit("check", "vision/digits", "model=tiny_mlp", "model.hidden=wide")
    assert done.returncode == 2
    assert "model.hidden: expected a whole number, got the text 'wide'" in done.stdout + done.stderr
