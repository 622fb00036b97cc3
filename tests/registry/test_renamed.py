"""Old names have an end: an entry that is past its release fails here, so that it is taken out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.hooks import HOOKS, Hooks
from toolkit.recipe.grammar import FACTS
from toolkit.registry import KINDS, renamed
from toolkit.registry.api import API_VERSION, api_version, asking_for
from toolkit.registry.renamed import Renamed

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def entries() -> Iterator[tuple[str, Renamed, set[str]]]:
    """The old name of each entry of the tables, the entry, and the names of today that it may lead to."""
    for old, each in renamed.HOOKS.items():
        yield old, each, set(HOOKS)
    for hook, names in renamed.HOOK_ARGUMENTS.items():
        assert hook in HOOKS
        for old, each in names.items():
            yield old, each, set(getattr(Hooks, hook).__code__.co_varnames) - {"self"}
    for kind, names in renamed.ARGUMENTS.items():
        assert kind in KINDS
        for old, each in names.items():
            yield old, each, {*FROM_CORE.get(kind, ()), *FROM_RUN.get(kind, ()), *FACTS}
    for old, each in renamed.FACTS.items():
        yield old, each, set(FACTS)


def wrong(version: str) -> list[str]:
    """What is wrong with the entries when toolkit-core has a version."""
    found = []
    for old, each, today in entries():
        if Version(version) >= Version(each.ends):
            found.append(f"{old!r} ended with {each.ends}: take it out of toolkit/registry/renamed.py")
        if each.new not in today or old in today:
            found.append(f"{old!r} leads to {each.new!r}, which is no name of today")
    return found


def test_no_old_name_is_past_its_release():
    assert wrong(VERSION) == []


@pytest.fixture
def one_of_each(monkeypatch):
    monkeypatch.setattr(renamed, "HOOKS", {"toolkit_run_begun": Renamed("toolkit_run_started", "0.3")})
    monkeypatch.setattr(renamed, "HOOK_ARGUMENTS", {"toolkit_run_finished": {"outcome": Renamed("result", "0.3")}})
    monkeypatch.setattr(renamed, "ARGUMENTS", {"logger": {"folder": Renamed("save_dir", "0.3")}})
    monkeypatch.setattr(renamed, "FACTS", {"classes": Renamed("num_classes", "0.3")})


@pytest.mark.usefixtures("one_of_each")
def test_the_release_that_ends_a_name_fails_until_it_is_taken_out():
    assert wrong("0.2.7") == []
    past = [f"{old!r} ended with 0.3: " for old in ("toolkit_run_begun", "outcome", "folder", "classes")]
    for version in ("0.3.0", "0.4", "1.0"):
        assert [line.partition("take")[0] for line in wrong(version)] == past


def test_an_entry_that_leads_nowhere_is_seen(monkeypatch):
    monkeypatch.setattr(renamed, "FACTS", {"num_classes": Renamed("classes", "9.0")})
    assert wrong(VERSION) == ["'num_classes' leads to 'classes', which is no name of today"]


def test_the_version_of_the_api_is_that_of_the_core():
    import toolkit

    assert api_version(VERSION) == API_VERSION == toolkit.API_VERSION
    assert api_version("1.12.3rc1") == "1.12"
    assert asking_for("0.9") == "toolkit-core>=0.9,<0.10"
