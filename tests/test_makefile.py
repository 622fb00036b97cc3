"""When `make` makes `.venv`, brings it up to date, or leaves it alone; tried with a Python that only takes notes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PYTHON = """#!/bin/sh
# Notes how it is called, and does of each call only what the Makefile relies on.
echo "$*" >> "$NOTES"
case "$*" in
    -V) echo "Python ${PYTHON_VERSION:-3.11.7}" ;;
    "-c "*) ;;
    "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *"install"*"-e "*) [ -z "$FAIL" ] || exit 1 ;;
esac
"""


class Checkout:
    """A checkout with nothing but what the Makefile reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        (folder / "plugins/toolkit-vision").mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "plugins/toolkit-vision/pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)
        python = folder / "python"
        python.write_text(PYTHON)
        python.chmod(0o755)

    def setup(self, **environment: str) -> tuple[int, list[str]]:
        """Exit code of `make setup`, and what it did: ``new`` for a new .venv, ``install`` for the installation."""
        self.notes.write_text("")
        variables = {**os.environ, "NOTES": str(self.notes), **environment}
        # A make that runs these tests must not reach into this one.
        variables = {name: value for name, value in variables.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(
            ["make", "setup", "PYTHON=./python"], cwd=self.folder, env=variables, capture_output=True, text=True
        )
        calls = self.notes.read_text().splitlines()
        return done.returncode, [
            what for call in calls for what, sign in (("new", "venv --clear"), ("install", " -e ")) if sign in call
        ]


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "a checkout").mkdir()
    return Checkout(tmp_path / "a checkout")


def test_the_first_time_makes_it_and_the_second_does_nothing(checkout):
    assert checkout.setup() == (0, ["new", "install"])
    assert checkout.setup() == (0, [])


def test_core_and_every_plugin_are_installed_with_the_tested_versions(checkout):
    checkout.setup()
    install = next(line for line in checkout.notes.read_text().splitlines() if " -e " in line)
    assert "-c constraints.txt" in install
    assert "-e .[dev,tensorboard] -e ./plugins/toolkit-vision[dev]" in install


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "plugins/toolkit-vision/pyproject.toml"])
def test_a_change_of_what_is_asked_for_brings_it_up_to_date(checkout, name):
    checkout.setup()
    with (checkout.folder / name).open("a") as file:
        file.write("# changed\n")
    assert checkout.setup() == (0, ["install"])
    assert checkout.setup() == (0, [])


def test_a_new_plugin_is_installed(checkout):
    checkout.setup()
    (checkout.folder / "plugins/toolkit-text").mkdir()
    (checkout.folder / "plugins/toolkit-text/pyproject.toml").write_text("")
    assert checkout.setup() == (0, ["install"])
    assert "-e ./plugins/toolkit-text" in checkout.notes.read_text()


def test_newer_files_with_the_same_content_change_nothing(checkout):
    checkout.setup()
    for name in ("pyproject.toml", "constraints.txt", "Makefile"):
        os.utime(checkout.folder / name, (2**31, 2**31))
    assert checkout.setup() == (0, [])


def test_after_an_interruption_it_is_made_anew(checkout):
    assert checkout.setup(FAIL="1") == (2, ["new", "install"])
    assert checkout.setup() == (0, ["new", "install"])
    assert checkout.setup() == (0, [])


def test_after_an_interrupted_update_it_is_made_anew(checkout):
    checkout.setup()
    with (checkout.folder / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout.setup(FAIL="1") == (2, ["install"])
    assert checkout.setup() == (0, ["new", "install"])


def test_another_python_makes_it_anew(checkout):
    checkout.setup()
    assert checkout.setup(PYTHON_VERSION="3.12.1") == (0, ["new", "install"])


def test_a_moved_checkout_makes_it_anew(checkout):
    checkout.setup()
    moved = checkout.folder.with_name("moved")
    checkout.folder.rename(moved)
    checkout.folder, checkout.notes = moved, moved / "notes"
    assert checkout.setup() == (0, ["new", "install"])


def test_continuous_integration_runs_what_a_person_runs():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"
