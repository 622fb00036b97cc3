"""Every command and every program in the README runs, one after the other, in one empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.recipe import load

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?s)\n```{language}\n(.*?)```", README)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def run(arguments: list[str], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "WANDB_"))}
    environment["WANDB_MODE"] = "offline"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands_run(folder: Path) -> None:
    commands = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 8
    for program, *arguments in commands:
        assert program == "toolkit"
        assert run(["-m", "toolkit", *arguments], folder)
    assert len(list((folder / "runs").glob("*/*/run.json"))) + len(list((folder / "runs").glob("*/*/*/run.json"))) == 2


def test_the_program_runs(folder: Path) -> None:
    programs = blocks("python")
    assert programs
    for program in programs:
        accuracy, run_folder = run(["-c", program], folder).splitlines()[-1].split()
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
