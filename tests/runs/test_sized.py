"""A recipe under a launcher: as many devices and machines as it has started, unless the recipe says otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from toolkit.engine.ranks import Ranks
from toolkit.errors import RecipeError
from toolkit.runs.sized import sized

RANKS = Ranks(0, 4, 0, 2, 0, "localhost", 29500, launcher="torchrun")


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ([], ["trainer.num_nodes=2", "trainer.devices=2"]),
        (["trainer.devices=auto"], ["trainer.num_nodes=2", "trainer.devices=2"]),
        (["trainer.devices=2", "trainer.num_nodes=2"], []),
        (["trainer.devices=[0,1]"], ["trainer.num_nodes=2"]),
    ],
)
def test_a_recipe_follows_its_launcher(recipe: Any, overrides: list[str], changes: list[str]) -> None:
    given = recipe(*overrides)
    found, told = sized(given, RANKS)
    assert told == changes
    assert list(found.overrides) == [*overrides, *changes]
    assert found.get("trainer", "num_nodes") == 2
    assert found.get("trainer", "devices") in (2, (0, 1))
    assert given.get("trainer", "num_nodes") in (None, 2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["trainer.devices=3"],
            "overrides[0]: trainer.devices=3   trainer.devices: the recipe says 3, but torchrun has started "
            "2 processes on each machine",
        ),
        (
            ["trainer.num_nodes=1"],
            "overrides[0]: trainer.num_nodes=1   trainer.num_nodes: the recipe says 1, but torchrun has started "
            "2 machines",
        ),
    ],
)
def test_what_contradicts_the_launcher_is_refused(recipe: Any, overrides: list[str], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        sized(recipe(*overrides), RANKS)
    assert str(caught.value).splitlines()[0] == message


def test_a_run_that_goes_on_may_have_begun_with_others(recipe: Any) -> None:
    begun = recipe("trainer.devices=3", "trainer.num_nodes=4")
    found, told = sized(begun, RANKS, goes_on=True)
    assert told == ["trainer.num_nodes=2", "trainer.devices=2"]
    assert str(found.place("trainer", "devices")) == "torchrun: 2 processes on each machine"
    one_machine, told = sized(begun, None, goes_on=True)
    assert told == ["trainer.num_nodes=1"]
    assert one_machine.get("trainer", "devices") == 3


def test_several_machines_need_a_launcher(recipe: Any) -> None:
    with pytest.raises(RecipeError, match="several machines need a launcher on each of them"):
        sized(recipe("trainer.num_nodes=2"), None)
    alone = recipe()
    assert sized(alone, dataclasses.replace(RANKS, world_size=2))[1] == ["trainer.devices=2"]
    assert sized(alone, None) == (alone, [])
