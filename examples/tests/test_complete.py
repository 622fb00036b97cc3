"""Every example is whole: what a distribution needs, the libraries that the tests need, and a place on the page."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXAMPLES = Path(__file__).parents[1]
ROOT = EXAMPLES.parent
PLUGINS = sorted(path.parent for path in EXAMPLES.glob("plugins/*/pyproject.toml"))


@pytest.fixture(params=PLUGINS, ids=lambda path: path.name)
def plugin(request: pytest.FixtureRequest) -> Path:
    return request.param


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_there_are_four() -> None:
    assert len(PLUGINS) == 4


def test_it_has_what_a_distribution_needs(plugin: Path) -> None:
    about = project(plugin)
    assert about["name"] == plugin.name
    assert about["entry-points"]
    assert (plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert list(plugin.glob("tests/test_*.py"))
    assert "toolkit-core>=0.1,<0.2" in about["dependencies"]


def test_its_readme_is_a_screen_and_says_how_it_is_installed(plugin: Path) -> None:
    text = (plugin / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {plugin.name}\n")
    assert len(text.splitlines()) <= 60
    (line,) = re.findall(r"(?m)^pip install .*$", text)
    places = [word for word in shlex.split(line, comments=True)[2:] if word != "-e"]
    assert places[-1] == f"examples/plugins/{plugin.name}"
    assert all((ROOT / place / "pyproject.toml").is_file() for place in places)


def test_what_it_needs_is_installed_for_the_tests(plugin: Path) -> None:
    first_party = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")} | {"toolkit-core"}
    pins = {Requirement(line).name.lower().replace("_", "-") for line in _lines(ROOT / "constraints.txt")}
    names = {canonicalize_name(Requirement(text).name) for text in project(plugin)["dependencies"]}
    assert names - first_party <= pins
    offered = [tomllib.loads(path.read_text())["project"] for path in (ROOT / "pyproject.toml", *_first_party())]
    asked = {text for each in offered for text in each["dependencies"]}
    asked |= {text for each in offered for extra in each.get("optional-dependencies", {}).values() for text in extra}
    assert names - first_party <= {canonicalize_name(Requirement(text).name) for text in asked}


def test_the_page_tells_of_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| \[(.+?)\]\(plugins/(.+?)/README\.md\)", page) == [
        (name, name) for name in ("example-optimizers", "example-segmentation", "example-gan", "example-listeners")
    ]
    assert {path.name for path in PLUGINS} == set(re.findall(r"\(plugins/(.+?)/README\.md\)", page))
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page):
        assert (EXAMPLES / target).exists(), target


def test_what_the_page_says_to_type(toolkit: Any) -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^toolkit (.+)$", page)
    assert commands
    for command in commands:
        verb, *rest = shlex.split(command)
        # The plugin's own tests train; this is the whole recipe, of minutes.
        done = toolkit("check" if verb == "run" else verb, *rest)
        assert done.code == 0, done.out + done.err


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _first_party() -> list[Path]:
    return sorted(ROOT.glob("plugins/*/pyproject.toml"))
