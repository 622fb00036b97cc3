"""The unrelated package that ``pip install toolkit`` installs is noticed at start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toolkit.cli.shadow import OURS, REMEDY, intruder


def test_all_is_well_here():
    assert intruder() == ""


def test_a_package_of_that_name_beside_ours_is_an_error_at_start(tmp_path):
    (tmp_path / "toolkit").symlink_to(OURS)
    command = [sys.executable, "-m", "toolkit", "ls", "tasks"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "toolkit-0.2.1.dist-info").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "another package called 'toolkit' has overwritten files of toolkit-core: "
        f"{tmp_path / 'toolkit-0.2.1.dist-info'}\n{REMEDY}\n"
    )


def test_a_package_of_that_name_before_ours_is_noticed(tmp_path):
    theirs = tmp_path / "toolkit" / "__init__.py"
    assert intruder(Path("/site/toolkit"), str(theirs)) == (
        f"`import toolkit` finds another package of that name before toolkit-core: {theirs}\n{REMEDY}"
    )
