"""The table of bad recipes: each file of ``bad/`` ends with the exact report that it gets.

A case is a recipe. Lines ``# override: key=value`` at its top are given on the command line; what follows ``# expect:``
at its end is what `toolkit check` prints, line for line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.check import resolve
from toolkit.errors import RecipeError, render_problems
from toolkit.recipe import load
from toolkit.registry import Registry

BAD = Path(__file__).parent / "bad"
CASES = sorted(BAD.glob("*.yaml"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named in messages as they are from the current folder."""
    monkeypatch.chdir(BAD)
    monkeypatch.delenv("NOWHERE_SET", raising=False)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_recipe_gets_exactly_its_report(case: Path, registry: Registry) -> None:
    text = case.read_bytes().decode(errors="replace")
    body, found, expected = text.partition("\n# expect:\n")
    assert found, f"{case.name} does not say what it expects"
    overrides = [line.removeprefix("# override: ") for line in body.splitlines() if line.startswith("# override: ")]
    assert report(f"./{case.name}", overrides, registry) == [line[2:] for line in expected.splitlines()]


def report(name: str, overrides: list[str], registry: Registry) -> list[str]:
    try:
        problems = resolve(load(name, overrides, registry=registry, given_in="command line"), registry).problems
    except RecipeError as error:
        problems = error.problems
    return render_problems(problems).splitlines()
