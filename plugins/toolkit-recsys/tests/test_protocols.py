"""Protocols that divide, and what is left out before: against plain Python, on random logs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toolkit_recsys.log import Log, core_rows, last_of_each, liked, renumbered
from toolkit_recsys.protocols import TEST, TRAIN, VAL, ByTime, LeaveOneOut, RandomRatio

USERS, ITEMS = 6, 9
rows_of_all = st.lists(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 5)), min_size=1, max_size=60
)
unique_rows = st.lists(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 5)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:2],
)
shares = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.29, 1 / 3])
thorough = settings(max_examples=60, deadline=None)


def log_of(rows, times=True):
    users, items, when = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    ids = [f"id {number}" for number in range(max(USERS, ITEMS))]
    return Log(users, items, ids[:USERS], ids[:ITEMS], "log.csv", when.astype(float) if times else None)


def recbole_numbers(total, val, test):
    """RecBole 1.2's `_calcu_split_ids`, written from its description: how many to train, validate and test on."""
    ratios = [1 - val - test, val, test]
    counts = [int(ratio * total + 1e-9) for ratio in ratios]
    counts[0] = total - counts[1] - counts[2]
    for place in (2, 1):
        if counts[0] <= 1:
            break
        if 0 < ratios[place] * total < 1 - 1e-9:
            counts[place] += 1
            counts[0] -= 1
    return counts


@thorough
@given(rows=unique_rows, val=shares, test=shares, by=st.sampled_from(["user", "global"]), seed=st.integers(0, 3))
def test_random_ratio_divides_every_group_by_the_numbers_of_recbole(rows, val, test, by, seed):
    log = log_of(rows, times=False)
    parts = RandomRatio(val, test, by, seed).divide(log)
    assert set(parts) <= {TRAIN, VAL, TEST}
    for group in set(log.users) if by == "user" else [None]:
        mine = parts if group is None else parts[log.users == group]
        found = Counter(mine.tolist())
        assert [found[TRAIN], found[VAL], found[TEST]] == recbole_numbers(len(mine), val, test)
    assert (parts == RandomRatio(val, test, by, seed).divide(log)).all()


def test_another_seed_draws_others():
    log = log_of([(user, item, 0) for user in range(USERS) for item in range(ITEMS)])
    drawn = {tuple(RandomRatio(0.2, 0.2, seed=seed).divide(log)) for seed in range(5)}
    assert len(drawn) == 5


@thorough
@given(rows=unique_rows, val=shares, test=shares, by=st.sampled_from(["user", "global"]))
def test_by_time_nothing_to_train_on_is_later_than_what_is_held_out(rows, val, test, by):
    log = log_of(rows)
    parts = ByTime(val, test, by).divide(log)
    for group in set(log.users) if by == "user" else [None]:
        mine = np.arange(len(log)) if group is None else np.flatnonzero(log.users == group)
        # Of equal times the later row is the later one.
        in_order = sorted(mine.tolist(), key=lambda row: (log.times[row], row))
        assert parts[in_order].tolist() == sorted(parts[mine].tolist())
        found = Counter(parts[mine].tolist())
        assert [found[TRAIN], found[VAL], found[TEST]] == recbole_numbers(len(mine), val, test)


@thorough
@given(rows=unique_rows)
def test_leave_one_out_keeps_back_the_last_two_of_each_user(rows):
    log = log_of(rows)
    parts = LeaveOneOut().divide(log)
    for user in set(log.users.tolist()):
        mine = sorted(np.flatnonzero(log.users == user).tolist(), key=lambda row: (log.times[row], row))
        expected = {1: [TRAIN], 2: [TRAIN, TEST]}.get(len(mine), [TRAIN] * (len(mine) - 2) + [VAL, TEST])
        assert parts[mine].tolist() == expected


@pytest.mark.parametrize("protocol", [LeaveOneOut(), ByTime()])
def test_what_goes_by_time_needs_times(protocol):
    with pytest.raises(ValueError, match=r"log.csv: the split \w+ goes by time, .* or take the split random_ratio"):
        protocol.divide(log_of([(0, 0, 0)], times=False))


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 1.0)])
@pytest.mark.parametrize("protocol", [RandomRatio, ByTime])
def test_shares_leave_something_to_train_on(protocol, val, test):
    with pytest.raises(ValueError, match=r"shares from 0 to below 1 that leave some to train on"):
        protocol(val, test)


@thorough
@given(rows=rows_of_all, with_times=st.booleans())
def test_the_latest_of_each_pair_stays(rows, with_times):
    last = {}
    for number, (user, item, time) in enumerate(rows):
        if (user, item) not in last or not with_times or time >= rows[last[user, item]][2]:
            last[user, item] = number
    assert last_of_each(log_of(rows, with_times)).tolist() == sorted(last.values())


@thorough
@given(rows=unique_rows, per_user=st.integers(1, 4), per_item=st.integers(1, 4))
def test_the_core_is_the_largest_part_in_which_all_have_enough(rows, per_user, per_item):
    log = log_of(rows)
    left = list(range(len(rows)))
    while True:  # one by one, in place of all at once
        users, items = Counter(rows[row][0] for row in left), Counter(rows[row][1] for row in left)
        few = next((row for row in left if users[rows[row][0]] < per_user or items[rows[row][1]] < per_item), None)
        if few is None:
            break
        left.remove(few)
    assert core_rows(log.users, log.items, per_user, per_item).tolist() == left


@thorough
@given(rows=unique_rows)
def test_numbers_without_gaps_mean_the_same_users_and_items(rows):
    log = log_of(rows)
    new = renumbered(log)
    assert sorted(set(new.users.tolist())) == list(range(len(new.user_ids)))
    assert sorted(set(new.items.tolist())) == list(range(len(new.item_ids)))

    def named(each):
        return [(each.user_ids[user], each.item_ids[item]) for user, item in zip(each.users, each.items, strict=True)]

    assert named(new) == named(log)


def test_values_are_asked_for_where_they_are_needed(capsys):
    log = log_of([(0, 0, 0), (0, 1, 0)])
    with pytest.raises(ValueError, match=r"log.csv: min_value=4, and no column of values is known; name it in `value`"):
        liked(log, 4)
    rated = Log(log.users, log.items, log.user_ids, log.item_ids, "log.csv", None, np.array([3, 4], dtype=np.float32))
    assert liked(rated, 4).items.tolist() == [1]
    assert "1 interaction of 2 below min_value=4" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"min_value=5: the largest value is 4"):
        liked(rated, 5)
