"""The generator: what it states as the best is what the true preferences reach, and nothing reaches more."""

from __future__ import annotations

import pytest
import torch
from toolkit_recsys.generated import BEST, generated_interactions
from toolkit_recsys.ids import Ids
from toolkit_recsys.interactions import History
from toolkit_recsys.protocols import ByTime, LeaveOneOut

SMALL = {"users": 200, "items": 120, "mean": 20}


def ndcg(ranking, relevant, k=10):
    gains = [1 / torch.tensor(place + 2.0).log2().item() for place in range(k)]
    found = sum(gain for gain, item in zip(gains, ranking, strict=False) if item in relevant)
    return found / sum(gains[: len(relevant)])


def by_popularity(splits, name):
    """NDCG@10 of the items that most users have, written out."""
    history = History.from_files(splits.run_files)
    before, values = history.before(name), []
    order = before.popularity().argsort(descending=True).tolist()
    for user, row in zip(*(part.tolist() for part in getattr(splits, name)), strict=True):
        seen = set(before.of(user).tolist())
        values.append(ndcg([item for item in order if item not in seen][:10], {item for item in row if item >= 0}))
    return sum(values) / len(values)


@pytest.mark.parametrize("split", [None, LeaveOneOut(), ByTime(0.1, 0.2)])
def test_nothing_that_is_known_of_all_users_alike_comes_near_the_best(split):
    splits = generated_interactions(**SMALL, split=split)
    best = splits.facts[BEST]
    for name in ("val", "test"):
        assert by_popularity(splits, name) < 0.8 * best[name]["ndcg"] < 0.8
        assert 0 < best[name]["recall"] < 1


def test_the_same_seed_makes_the_same_data_and_another_does_not():
    first, again, other = (generated_interactions(**SMALL, seed=seed) for seed in (1, 1, 2))
    assert first.run_files == again.run_files
    assert first.facts == again.facts
    assert first.run_files != other.run_files


def test_users_choose_about_as_much_as_they_are_asked_to_and_nothing_twice():
    splits = generated_interactions(users=500, items=200, mean=20)
    history = History.from_files(splits.run_files)
    numbers = history.train.counts() + history.val.counts()
    assert 14 < numbers.float().mean() < 22
    assert len(history.before("test").keys().unique()) == len(history.before("test"))
    assert not history.train.contains(history.val.users(), history.val.items).any()


def test_what_follows_what_is_worth_knowing_where_it_decides():
    with_order = generated_interactions(**SMALL, taste=0.5, follows=4.0, split=LeaveOneOut())
    assert by_popularity(with_order, "test") < 0.5 * with_order.facts[BEST]["test"]["ndcg"]
    history = History.from_files(with_order.run_files)
    # Which item comes next is decided by the one before: pairs of neighbours come again.
    pairs = [
        pair
        for user in range(200)
        for pair in zip(history.train.of(user).tolist(), history.train.of(user).tolist()[1:], strict=False)
    ]
    shuffled = generated_interactions(**SMALL, taste=0.5)
    history = History.from_files(shuffled.run_files)
    others = [
        pair
        for user in range(200)
        for pair in zip(history.train.of(user).tolist(), history.train.of(user).tolist()[1:], strict=False)
    ]
    assert len(set(pairs)) / len(pairs) < 0.8 * len(set(others)) / len(others)


def test_where_the_best_is_not_known_a_note_says_so(capsys):
    splits = generated_interactions(**SMALL, follows=1.0)
    assert BEST not in splits.facts
    assert "the best is known with follows: 0, or with the split leave_one_out" in capsys.readouterr().err


def test_ids_are_those_of_the_generator_where_some_items_nobody_chose():
    splits = generated_interactions(users=10, items=400, mean=10, popularity=3.0)
    ids = Ids.from_files(splits.run_files)
    assert splits.facts["num_items"] == len(ids.items) < 400
    assert splits.facts[BEST]["test"]["ndcg"] > 0.05


def test_numbers_that_make_no_data():
    with pytest.raises(ValueError, match=r"mean=4, items=100: numbers from 1 up; a mean from 5 up"):
        generated_interactions(items=100, mean=4)
    with pytest.raises(ValueError, match=r"and four times as many items"):
        generated_interactions(items=100, mean=30)
    with pytest.raises(ValueError, match=r"follows=-1: a number from 0 to 10"):
        generated_interactions(follows=-1)
