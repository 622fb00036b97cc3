"""Several readers that take turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
from toolkit_text.in_turn import InTurn
from toolkit_text.resumable import Resumable


class Letters(Resumable[str]):
    def __init__(self, letters: str) -> None:
        self.letters, self.place = letters, 0

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place}

    def _begin(self) -> None:
        self.place = 0

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self.place = state["place"]

    def _items(self) -> Iterator[str]:
        while self.place < len(self.letters):
            self.place += 1
            yield self.letters[self.place - 1]


WHOLE = "adfbegchi"


@pytest.fixture
def readers() -> InTurn[str]:
    return InTurn([Letters("abc"), Letters("de"), Letters("fghi")])


def test_they_take_turns_and_those_that_have_ended_are_passed_over(readers: InTurn[str]) -> None:
    assert "".join(readers) == "".join(readers) == WHOLE


@pytest.mark.parametrize("taken", range(len(WHOLE) + 1))
def test_they_go_on_where_they_were(readers: InTurn[str], taken: int) -> None:
    list(readers)
    items = iter(readers)
    assert "".join(islice(items, taken)) == WHOLE[:taken]
    state = json.loads(json.dumps(readers.state_dict()))
    another = InTurn([Letters("abc"), Letters("de"), Letters("fghi")])
    for each in (another, readers):
        each.load_state_dict(state)
        assert each.state_dict() == state
        assert "".join(each) == WHOLE[taken:]
        assert "".join(each) == WHOLE


def test_an_iteration_that_was_broken_off_leaves_nothing_behind(readers: InTurn[str]) -> None:
    assert list(islice(readers, 4))
    items = iter(readers)
    state = readers.state_dict()
    assert "".join(items) == WHOLE
    readers.load_state_dict(state)
    assert "".join(readers) == WHOLE
