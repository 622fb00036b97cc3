"""What `toolkit new` writes installs in a new environment, is listed, trains, and passes its own tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.registry import KINDS
from toolkit.scaffold import CHOICES

ROOT = Path(__file__).parent.parent

ALL = [word for kind in CHOICES for word in ("--kind", kind)]


def done(environment: Any, *command: str | Path) -> str:
    """What a command prints that has to end well."""
    ended = environment.run(*command)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def written(environment: Any, name: str, *words: str) -> Path:
    """A new plugin, installed."""
    done(environment, "toolkit", "new", name, *words)
    folder: Path = environment.work / name
    environment.install("--editable", folder)
    return folder


def listed(environment: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(environment, "toolkit", "ls", "--plugin", name, "--json"))
    return found


def test_it_is_listed_and_trains_with_the_core_alone(new_environment: Callable[[], Any]) -> None:
    environment = new_environment()
    environment.install("--editable", ROOT)
    written(environment, "acme-shapes")
    found = listed(environment, "acme-shapes")
    assert [each["name"] for each in found["components"]] == ["acme_shapes_mlp", "acme_shapes_bars"]
    (recipe,) = found["recipes"]
    assert (recipe["name"], recipe["needs"], recipe["problem"]) == ("acme-shapes/bars", [], "")
    told = done(environment, "toolkit", "run", "acme-shapes/bars", "trainer.accelerator=cpu")
    assert "test/accuracy" in told
    (run,) = environment.work.glob("runs/acme-shapes/bars/*/run.json")
    assert json.loads(run.read_text())["expect"]["test/accuracy"]["met"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ALL], ids=["default", "all"])
def test_it_passes_its_own_tests(new_environment: Callable[[], Any], words: list[str]) -> None:
    environment = new_environment()
    environment.install("--editable", ROOT)
    folder = written(environment, "acme-shapes", *words)
    if words:
        assert {each["kind"] for each in listed(environment, "acme-shapes")["components"]} == set(KINDS)
    assert "acme-shapes:" not in done(environment, "toolkit", "plugins")
    told = done(environment, "toolkit", "run", "acme-shapes/bars")
    assert " met" in told
    done(environment, "python", "-m", "pytest", "-q", folder)
    done(environment, "toolkit", "test-plugin", "acme-shapes")
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        # ruff is no Python: its program lies in the environment that the tests run in.
        done(environment, sys.executable, "-m", *command, folder)
    done(
        environment,
        "python",
        "-m",
        "mypy",
        "--config-file",
        folder / "pyproject.toml",
        folder / "acme_shapes",
        folder / "tests",
    )


@pytest.mark.slow
def test_each_kind_alone_trains_and_passes_its_tests(new_environment: Callable[[], Any]) -> None:
    environment = new_environment()
    environment.install("--editable", ROOT, "--editable", ROOT / "plugins" / "toolkit-vision")
    for kind in CHOICES:
        folder = written(environment, f"acme-{kind}", "--kind", kind)
        (recipe,) = listed(environment, f"acme-{kind}")["recipes"]
        assert " met" in done(environment, "toolkit", "run", recipe["name"])
        done(environment, "python", "-m", "pytest", "-q", folder)
