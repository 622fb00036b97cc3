"""A run whose output nobody reads any more goes on to its end, in one process and in several."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "toolkit", "run", "./small.yaml", "--allow-code"]


@pytest.mark.parametrize(
    ("stderr", "devices"), [(subprocess.PIPE, 1), (subprocess.STDOUT, 1), (subprocess.PIPE, 2)], ids=str
)
def test_a_reader_that_goes_away_does_not_end_a_run(
    recipe_file: Any, newest: Any, forks: Any, stderr: int, devices: int
) -> None:
    recipe_file()
    words = ["trainer.max_epochs=2", f"trainer.devices={devices}"]
    process = forks.Forked([*COMMAND, *words], stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout.readline() == "small: A small experiment.\n"
    process.stdout.close()
    told = process.stderr.read() if process.stderr is not None else ""
    assert process.wait() == 0, told
    folder = newest()
    assert folder.status() == "finished"
    assert "test/accuracy" in folder.read_json()["metrics"]
    assert told == ""


def test_a_run_that_fails_unread_ends_with_its_own_code(recipe_file: Any, newest: Any, forks: Any) -> None:
    recipe_file({"model": {"use": "./parts.py:Broken"}})
    process = forks.Forked(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    process.stdout.close()
    assert process.wait() == 3
    assert newest().status() == "failed"
