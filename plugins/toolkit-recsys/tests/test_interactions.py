"""Interactions against plain Python sets and lists, and through the bytes that a run keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toolkit_recsys import interactions as module
from toolkit_recsys.ids import IDS_FILE, Ids
from toolkit_recsys.interactions import INTERACTIONS_FILE, History, Interactions

USERS, ITEMS = 5, 7
pairs = st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), unique=True, min_size=1, max_size=30)


def made(rows, times=None):
    users, items = (torch.tensor(column) for column in zip(*rows, strict=True))
    given_times = None if times is None else torch.tensor(times, dtype=torch.float64)
    return Interactions.from_pairs(users, items, USERS, ITEMS, given_times)


@pytest.mark.parametrize("largest_table", [10**6, 0])
@given(rows=pairs)
@settings(max_examples=50, deadline=None)
def test_contains_what_a_set_of_the_pairs_contains(rows, largest_table):
    users, items = torch.arange(USERS)[:, None], torch.arange(ITEMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGEST_TABLE", largest_table)
        found = made(rows).contains(users, items)
    assert found.shape == (USERS, ITEMS)
    assert {tuple(pair) for pair in found.nonzero().tolist()} == set(rows)


@given(rows=pairs, data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_user_s_items_are_in_order_of_time_and_of_their_rows_where_times_are_equal(rows, data):
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    known = made(rows, times)
    for user in range(USERS):
        mine = [(time, row) for row, time in enumerate(times) if rows[row][0] == user]
        assert known.of(user).tolist() == [rows[row][1] for _, row in sorted(mine)]
    assert known.users().tolist() == sorted(user for user, _ in rows)
    assert known.popularity().tolist() == [sum(item == each for _, item in rows) for each in range(ITEMS)]
    dense = torch.zeros(USERS, ITEMS)
    dense[tuple(torch.tensor(rows).T)] = 1
    assert torch.equal(known.matrix().to_dense(), dense)


@given(first=pairs, second=pairs)
@settings(max_examples=50, deadline=None)
def test_the_later_ones_of_each_user_come_after(first, second):
    earlier, later = made(first), made(second)
    both = earlier.followed_by(later)
    for user in range(USERS):
        assert both.of(user).tolist() == earlier.of(user).tolist() + later.of(user).tolist()
    assert len(both) == len(first) + len(second)


def test_a_run_gets_back_what_it_kept():
    rows, later = [(0, 1), (3, 2), (0, 0)], [(3, 6)]
    train = Interactions.from_pairs(
        *torch.tensor(rows).T, USERS, ITEMS, torch.tensor([5.0, 1.0, 2.0]).double(), torch.tensor([1.0, 2.0, 3.0])
    )
    content = History(train, made(later)).to_bytes()
    assert content == History(train, made(later)).to_bytes()
    history = History.from_files({INTERACTIONS_FILE: content})
    assert (history.train.num_users, history.train.num_items) == (USERS, ITEMS)
    assert history.train.items.tolist() == [0, 1, 2]
    assert history.train.times.tolist() == [2.0, 5.0, 1.0]
    assert history.train.values.tolist() == [3.0, 1.0, 2.0]
    assert history.before("val") is history.train
    assert history.before("test").of(3).tolist() == [2, 6]
    assert History.from_files({INTERACTIONS_FILE: History(train).to_bytes()}).val is None
    with pytest.raises(ValueError, match=r"keeps no interactions.npz; .* such as generated_interactions"):
        History.from_files(None)


def test_ids_are_found_by_number_and_numbers_by_id():
    ids = Ids.from_files({IDS_FILE: Ids(["u", "ü"], ["10", "2"], ["Heat", ""]).to_bytes()})
    assert (ids.user_numbers["ü"], ids.item_numbers["2"]) == (1, 1)
    assert [ids.title(0), ids.title(1)] == ["Heat", "2"]
    assert Ids(["u"], ["7"]).title(0) == "7"
    assert Ids.from_files({IDS_FILE: Ids(["u"], ["7"]).to_bytes()}).titles is None
    with pytest.raises(ValueError, match=r"keeps no ids.json"):
        Ids.from_files({INTERACTIONS_FILE: b""})


def test_pairs_beyond_32_bits_are_told_apart():
    users, items = torch.tensor([0, 99_999]), torch.tensor([0, 99_999])
    known = Interactions.from_pairs(users, items, 100_000, 100_000)
    assert np.prod([known.num_users, known.num_items]) > module.LARGEST_TABLE
    assert known.contains(torch.tensor([0, 0, 99_999]), torch.tensor([0, 1, 99_999])).tolist() == [True, False, True]
