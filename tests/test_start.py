"""The start of the command: an unrelated package called ``toolkit`` is noticed, and Ctrl-C ends it quietly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit_start import REMEDY, intruder

COMMANDS = {
    "the installed command": [sys.executable, "-c", "import sys, toolkit_start; sys.exit(toolkit_start.main())"],
    "python -m toolkit": [sys.executable, "-m", "toolkit"],
}


def start(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """List the tasks with ``folder`` first on the path."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    words = [*COMMANDS[command], "ls", "tasks"]
    return subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment)


def test_all_is_well_here():
    assert intruder() == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_package_of_that_name_beside_ours_is_an_error_at_start(command, tmp_path):
    (tmp_path / "toolkit").symlink_to(Path(toolkit.__file__).parent)
    done = start(command, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "toolkit-0.2.1.dist-info").mkdir()
    done = start(command, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "another package called 'toolkit' has overwritten files of toolkit-core: "
        f"{tmp_path / 'toolkit-0.2.1.dist-info'}\n{REMEDY}\n"
    )


def test_a_package_of_that_name_before_ours_is_noticed_and_not_imported(tmp_path):
    theirs = tmp_path / "toolkit" / "__init__.py"
    theirs.parent.mkdir()
    theirs.write_text("raise SystemExit('imported')\n")
    done = start("the installed command", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"`import toolkit` finds another package of that name before toolkit-core: {theirs}\n{REMEDY}\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_before_the_command_line_is_there(command, tmp_path):
    # Where a signal sent by a test would arrive is chance; here it arrives while the first library is imported.
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = start(command, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
