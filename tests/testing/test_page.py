"""What docs/testing-plugins.md shows works for the plugin that docs/plugins.md shows, under pytest and without."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "testing-plugins.md").read_text(encoding="utf-8")


def block(page: str, beginning: str) -> str:
    found = re.search(rf"(?s)```\w+\n(# {re.escape(beginning)}\n.*?)```", (DOCS / page).read_text(encoding="utf-8"))
    assert found is not None, f"{page} has no block that begins with `# {beginning}`"
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, install_plugin: Callable[..., Path]) -> Path:
    """A folder with the plugin, its cases and its test, and the metadata that an installer would write."""
    site = tmp_path_factory.mktemp("acme")
    (site / "acme_nets.py").write_text(block("plugins.md", "acme_nets.py"))
    for name in ("acme_cases.py", "test_contract.py"):
        (site / name).write_text(block("testing-plugins.md", name))
    groups = tomllib.loads(block("plugins.md", "pyproject.toml"))["project"]["entry-points"]
    (added,) = re.findall(r"(?s)```toml\n(.*?)```", PAGE)
    groups |= tomllib.loads(added)["project"]["entry-points"]
    install_plugin(site, "acme-nets", groups)
    return site


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # pytest cuts its lines to the width of the terminal.
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=site, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_every_promise_of_the_plugin_holds(site: Path) -> None:
    done = run(site, "pytest", "-v", "-p", "no:cacheprovider", "test_contract.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_contract[model-tiny_mlp-every_parameter_gets_a_gradient] PASSED" in done.stdout
    assert "test_contract[plugin-acme-nets-every_component_has_a_case] PASSED" in done.stdout


def test_one_promise_can_be_selected(site: Path, program: Any) -> None:
    wanted = ["-p", "no:cacheprovider", "test_contract.py", "-k", "every_parameter_gets_a_gradient", "--collect-only"]
    done = program("-m", "pytest", "-q", *wanted, cwd=site, PYTHONPATH=str(site))
    assert re.search(r"1/\d+ tests collected", done.stdout), done.stdout + done.stderr


@pytest.mark.slow
def test_a_known_failure_is_expected_and_has_to_fail(site: Path) -> None:
    known = """
import acme_cases, dataclasses
from toolkit.testing import parametrize_checks

(CASE,) = acme_cases.CASES
KNOWN = {"arguments_are_plain_yaml": "it does not", "every_parameter_gets_a_gradient": "the batch is of text"}


@parametrize_checks("acme-nets", [dataclasses.replace(CASE, batch="text", known_failures=KNOWN)])
def test_contract(check):
    check()
"""
    (site / "test_known.py").write_text(known)
    wanted = "arguments_are_plain_yaml or every_parameter"
    done = run(site, "pytest", "-rxf", "-p", "no:cacheprovider", "test_known.py", "-k", wanted)
    assert "1 failed, " in done.stdout
    assert ", 1 xfailed" in done.stdout
    assert (
        "XFAIL test_known.py::test_contract[model-tiny_mlp-every_parameter_gets_a_gradient] - the batch is of text"
        in (done.stdout)
    )
    assert "[XPASS(strict)] it does not" in done.stdout


def test_the_command_says_the_same(site: Path, program: Any) -> None:
    assert "toolkit test-plugin acme-nets -k pickles" in PAGE
    done = program("-m", "toolkit", "test-plugin", "acme-nets", "-k", "pickles", cwd=site, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "holds            model-tiny_mlp  pickles\n\n1 holds\n"
