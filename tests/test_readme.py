"""Every command and every program in the README runs, one after the other, in one empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.recipe import load

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?s)\n```{language}\n(.*?)```", README)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def run(program: Callable[..., Any], folder: Path) -> Callable[..., str]:
    """Calls Python in that folder, and returns what it prints."""

    def run(*words: str) -> str:
        done = program(*words, cwd=folder, WANDB_MODE="offline")
        assert done.returncode == 0, done.stdout + done.stderr
        printed: str = done.stdout
        return printed

    return run


def test_the_commands_run(run: Callable[..., str], folder: Path) -> None:
    commands = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 8
    for program, *arguments in commands:
        assert program == "toolkit"
        assert run("-m", "toolkit", *arguments)
    assert len(list((folder / "runs").glob("*/*/run.json"))) + len(list((folder / "runs").glob("*/*/*/run.json"))) == 2


def test_the_program_runs(run: Callable[..., str], folder: Path) -> None:
    programs = blocks("python")
    assert programs
    for program in programs:
        accuracy, run_folder = run("-c", program).splitlines()[-1].split()
        assert 0 < float(accuracy) <= 1
        assert (folder / run_folder / "recipe.yaml").is_file()


def test_the_recipe_is_the_shipped_one(tmp_path: Path) -> None:
    (page,) = (block for block in blocks("yaml") if "task:" in block)
    file = tmp_path / "page.yaml"
    file.write_text(page)
    assert load(str(file)).plain() == load("vision/digits").plain()


def test_the_mistakes_are_reported_as_shown(tmp_path: Path) -> None:
    (page,) = (block for block in blocks("yaml") if "extends:" in block)
    (tmp_path / "mine.yaml").write_text(page)
    command = [sys.executable, "-m", "toolkit", "run", "./mine.yaml", "trainer.max_epoch=3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "toolkit run ./mine.yaml trainer.max_epoch=3" in README
    assert f"\n```\n{done.stderr}```" in README
