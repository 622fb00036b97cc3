"""Metrics of rankings, against definitions written out in plain Python, and at their ends."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from toolkit_recsys.recommendation.metrics import (
    MRR,
    NDCG,
    Coverage,
    HitRate,
    Novelty,
    Precision,
    Ranked,
    Recall,
    TopK,
)
from torch import Tensor

ITEMS = 30


def defined(name: str, shown: Sequence[int], relevant: set[int], k: int) -> float:
    """One user's value: `shown` from the best down."""
    found = [place for place, item in enumerate(shown[:k], 1) if item in relevant]
    if name == "recall":
        return len(found) / len(relevant)
    if name == "precision":
        return len(found) / k
    if name == "hit_rate":
        return float(len(found) > 0)
    if name == "mrr":
        return 1 / found[0] if found else 0.0
    best = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return sum(1 / math.log2(place + 1) for place in found) / best


OF_USERS: dict[str, type[TopK]] = {
    "recall": Recall,
    "precision": Precision,
    "hit_rate": HitRate,
    "mrr": MRR,
    "ndcg": NDCG,
}


def drawn(users: int, depth: int, seed: int) -> tuple[list[list[int]], list[set[int]]]:
    generator = random.Random(seed)
    shown = [generator.sample(range(ITEMS), depth) for _ in range(users)]
    return shown, [set(generator.sample(range(ITEMS), generator.randrange(1, 12))) for _ in range(users)]


def ranked(shown: list[list[int]], relevant: list[set[int]], popularity: Tensor | None = None) -> Ranked:
    items = torch.tensor(shown)
    hits = torch.tensor([[item in mine for item in row] for row, mine in zip(shown, relevant, strict=True)])
    information = torch.zeros(ITEMS + 1) if popularity is None else torch.cat([popularity, torch.zeros(1)])
    return Ranked(items, hits, information[items])


def value(metric: Any, shown: list[list[int]], relevant: list[set[int]], parts: int = 1) -> float:
    size = -(-len(shown) // parts)
    for begin in range(0, len(shown), size):
        mine = relevant[begin : begin + size]
        metric.update(ranked(shown[begin : begin + size], mine), torch.tensor([len(each) for each in mine]))
    return float(metric.compute())


@pytest.mark.parametrize("name", OF_USERS)
@pytest.mark.parametrize("k", [1, 3, 10, 20])
def test_the_mean_over_users_of_what_is_defined(name: str, k: int) -> None:
    shown, relevant = drawn(40, 20, seed=k)
    wanted = [defined(name, row, mine, k) for row, mine in zip(shown, relevant, strict=True)]
    assert 0 < sum(wanted) < 40
    for parts in (1, 3):
        assert value(OF_USERS[name](k), shown, relevant, parts) == pytest.approx(sum(wanted) / 40, abs=1e-6)


def test_by_hand() -> None:
    shown, relevant = [[4, 7, 1, 9]], [{7, 9, 2}]
    assert value(Recall(4), shown, relevant) == pytest.approx(2 / 3)
    assert value(Precision(4), shown, relevant) == pytest.approx(0.5)
    assert value(MRR(4), shown, relevant) == pytest.approx(0.5)
    assert value(HitRate(1), shown, relevant) == 0
    best = 1 + 1 / math.log2(3) + 1 / 2
    assert value(NDCG(4), shown, relevant) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best)
    # Only two places: the best ranking has no third one.
    assert value(NDCG(2), shown, relevant) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


@pytest.mark.parametrize("name", OF_USERS)
def test_the_best_ranking_and_the_worst(name: str) -> None:
    relevant = [{0, 1, 2, 3, 4}] * 3
    assert value(OF_USERS[name](5), [[0, 1, 2, 3, 4]] * 3, relevant) == pytest.approx(1)
    assert value(OF_USERS[name](5), [[10, 11, 12, 13, 14]] * 3, relevant) == 0


def test_a_user_without_relevant_items_does_not_count() -> None:
    for metric in (Recall(2), NDCG(2), HitRate(2)):
        metric.update(ranked([[1, 2], [3, 4]], [{1}, set()]), torch.tensor([1, 0]))
        assert float(metric.compute()) == 1


def test_coverage_counts_every_item_once() -> None:
    shown = [[0, 1, 2], [0, 3, 9], [1, 0, -1]]
    relevant: list[set[int]] = [{0}, {0}, {0}]
    assert value(Coverage(ITEMS, 2), shown, relevant) == pytest.approx(3 / ITEMS)
    assert value(Coverage(ITEMS, 3), shown, relevant, parts=3) == pytest.approx(5 / ITEMS)
    assert value(Coverage(ITEMS, 1), shown, relevant) == pytest.approx(2 / ITEMS)


def test_novelty_is_the_mean_information_of_what_is_shown() -> None:
    information = torch.arange(ITEMS).float()
    metric = Novelty(2)
    metric.update(ranked([[4, 8, 20], [3, -1, -1]], [{4}, {4}], information), torch.tensor([1, 1]))
    assert float(metric.compute()) == pytest.approx((4 + 8 + 3) / 3)


@pytest.mark.parametrize("make", [Recall, NDCG, Novelty, lambda k: Coverage(ITEMS, k)])
def test_k_is_a_number_of_items(make: Any) -> None:
    with pytest.raises(ValueError, match="k is a number of items from 1 up, not 0"):
        make(0)
