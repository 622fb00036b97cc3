"""Recall at k and verification accuracy: by hand, by brute force, at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from toolkit_vision import recall_at_k
from toolkit_vision.recall_at_k import RecallAtK
from toolkit_vision.verification_accuracy import VerificationAccuracy, best_threshold, drawn_pairs
from torch import Tensor


def value(metric: Any, embeddings: Tensor, identities: Sequence[int] | Tensor, parts: int = 1) -> float:
    for rows in torch.arange(len(embeddings)).chunk(parts):
        metric.update(embeddings[rows], torch.as_tensor(identities)[rows])
    return float(metric.compute())


def noisy(samples: int = 60, identities: int = 7, noise: float = 0.7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    numbers = torch.randint(identities, (samples,), generator=generator)
    centres = torch.randn(identities, 6, generator=generator)
    return centres[numbers] + noise * torch.randn(samples, 6, generator=generator), numbers


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("at_once", [2**24, 100])
def test_recall_is_what_looking_at_the_nearest_finds(k: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall_at_k, "AT_ONCE", at_once)
    embeddings, identities = noisy()
    unit = embeddings / embeddings.norm(dim=1, keepdim=True)
    found = 0
    for sample in range(60):
        similarity = unit @ unit[sample]
        similarity[sample] = -2
        found += bool((identities[similarity.topk(k).indices] == identities[sample]).any())
    assert 0 < found < 60
    assert value(RecallAtK(k), embeddings, identities, parts=4) == pytest.approx(found / 60)


def test_who_is_alone_is_not_searched_for() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    assert value(RecallAtK(), embeddings, [4, 4, 9]) == 1
    assert torch.tensor(value(RecallAtK(), embeddings, [1, 2, 3])).isnan()


@pytest.mark.parametrize("embedding", [1.0, torch.nan])
def test_embeddings_that_are_all_the_same_find_nothing(embedding: float) -> None:
    embeddings = torch.full((40, 3), embedding)
    identities = torch.arange(40) // 20
    assert value(RecallAtK(), embeddings, identities) == 0
    assert value(VerificationAccuracy(pairs=200), embeddings, identities) == 0.5


def test_k_is_a_number_of_samples() -> None:
    with pytest.raises(ValueError, match="k is a number of samples from 1 up, not 0"):
        RecallAtK(0)


def test_pairs_are_half_the_same_and_nobody_is_a_pair_with_himself() -> None:
    identities = torch.tensor([0] * 3 + [1] + [2] * 5 + [4] * 2)
    drawn = drawn_pairs(identities, 2000, seed=1)
    assert drawn is not None
    one, other = drawn
    same = identities[one] == identities[other]
    assert same.tolist() == [True] * 2000 + [False] * 2000
    assert not (one == other).any()
    # Everything that can be drawn is.
    pairs = {(min(pair), max(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    assert len(pairs) == 11 * 10 // 2
    assert drawn_pairs(torch.tensor([1, 2, 3]), 10, seed=1) is None
    assert drawn_pairs(torch.tensor([1, 1, 1]), 10, seed=1) is None


def test_the_best_threshold_is_the_one_that_trying_all_finds() -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(20):
        similarity = (torch.rand(30, generator=generator) * 10).round() / 10
        same = torch.rand(30, generator=generator) < similarity
        tried = [-1.0, *(similarity.unique() + 0.01).tolist()]
        best = max(int(((similarity > threshold) == same).sum()) for threshold in tried)
        assert int(((similarity > best_threshold(similarity, same)) == same).sum()) == best


def test_verification_of_what_is_apart_is_right_and_of_noise_is_a_guess() -> None:
    apart = torch.eye(4).repeat(5, 1)
    assert value(VerificationAccuracy(pairs=100), apart, torch.arange(4).repeat(5)) == 1
    noise = torch.randn(500, 8, generator=torch.Generator().manual_seed(0))
    assert value(VerificationAccuracy(), noise, torch.arange(500) % 10) == pytest.approx(0.5, abs=0.03)


def test_the_threshold_is_chosen_on_the_other_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolkit_vision import verification_accuracy

    looked_at = []

    def threshold(similarity: Tensor, same: Tensor) -> float:
        looked_at.append((len(similarity), int(same.sum())))
        return best_threshold(similarity, same)

    monkeypatch.setattr(verification_accuracy, "best_threshold", threshold)
    value(VerificationAccuracy(pairs=100, folds=5), *noisy())
    assert looked_at == [(80, 40)] * 5


@pytest.mark.parametrize("metric", [RecallAtK(), VerificationAccuracy(pairs=400)])
def test_neither_order_nor_the_number_of_processes_matters(metric: Any) -> None:
    embeddings, identities = noisy()
    whole = value(metric.clone(), embeddings, identities)
    shuffled = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    assert value(metric.clone(), embeddings[shuffled], identities[shuffled], parts=5) == whole
    # As torchmetrics brings two processes together that were dealt the samples like cards.
    dealt = torch.cat((torch.arange(0, 60, 2), torch.arange(1, 60, 2)))
    assert value(metric.clone(), embeddings[dealt], identities[dealt], parts=2) == whole


def test_another_seed_draws_other_pairs() -> None:
    embeddings, identities = noisy()
    values = {value(VerificationAccuracy(pairs=400, seed=seed), embeddings, identities) for seed in range(4)}
    assert len(values) > 1


def test_folds_need_pairs() -> None:
    with pytest.raises(ValueError, match="folds=10, pairs=10"):
        VerificationAccuracy(pairs=10)
