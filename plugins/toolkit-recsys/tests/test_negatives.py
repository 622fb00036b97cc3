"""Negatives: never what a user is known to have chosen, and otherwise with the chances that are promised."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toolkit_recsys.interactions import Interactions
from toolkit_recsys.recommendation.losses import BPRLoss, PointwiseLoss
from toolkit_recsys.recommendation.negatives import Drawn, InBatch, Popularity, Uniform
from torch import Tensor, nn

USERS, ITEMS = 40, 25


def random_interactions(seed: int = 0, share: float = 0.5) -> Interactions:
    generator = torch.Generator().manual_seed(seed)
    chances = torch.rand(USERS, 1, generator=generator) * 2 * share * torch.linspace(0.1, 1.4, ITEMS)
    table = torch.rand(USERS, ITEMS, generator=generator) < chances
    table[0] = False  # one has chosen nothing
    table[1] = True
    table[1, 7] = False  # and one everything but one
    users, items = table.nonzero(as_tuple=True)
    shuffled = torch.randperm(len(users), generator=generator)
    return Interactions.from_pairs(users[shuffled], items[shuffled], USERS, ITEMS)


@pytest.mark.parametrize("sampler", [Uniform(), Popularity(), Popularity(power=0.75), Popularity(power=0)])
def test_what_is_drawn_was_never_chosen_and_has_its_chance(sampler: Drawn) -> None:
    torch.manual_seed(1)
    interactions = random_interactions()
    sampler.prepare(interactions)
    draws = 4000
    found = sampler.drawn(torch.arange(USERS).unsqueeze(1).expand(-1, draws))
    popularity = interactions.popularity().double()
    power = sampler.power if isinstance(sampler, Popularity) else 0
    assert (popularity > 0).all()
    for user in range(USERS):
        chosen = interactions.of(user)
        weights = popularity**power
        weights[chosen] = 0
        counts = torch.bincount(found[user], minlength=ITEMS)
        assert counts[chosen].sum() == 0
        assert counts.sum() == draws
        expected = weights / weights.sum() * draws
        # A count is binomial: six standard deviations are never seen.
        assert ((counts - expected).abs() <= 6 * expected.sqrt() + 1e-3).all()
    assert (found[1] == 7).all()


def test_an_item_that_nobody_has_chosen_is_not_popular() -> None:
    interactions = Interactions.from_pairs(torch.tensor([0, 1, 2]), torch.tensor([0, 2, 3]), 3, 5)
    for power in (1.0, 0.5):
        sampler = Popularity(power=power)
        sampler.prepare(interactions)
        assert set(sampler.drawn(torch.zeros(500, dtype=torch.int64)).tolist()) == {2, 3}


def test_rows_of_candidates_begin_with_the_target() -> None:
    interactions = random_interactions()
    users, items = interactions.users()[:30], interactions.items[:30]
    sampler = Popularity(number=5, corrected=True)
    sampler.prepare(interactions)
    found = sampler.candidates(users, items)
    assert found.items.shape == (30, 6)
    assert torch.equal(found.items[:, 0], items)
    assert not interactions.contains(users.unsqueeze(1), found.items[:, 1:]).any()
    assert found.targets.tolist() == [0] * 30
    assert found.offsets is not None
    assert torch.allclose(found.offsets, -interactions.popularity()[found.items].float().log())
    plain = Uniform(2)
    plain.prepare(interactions)
    assert plain.candidates(users, items).offsets is None


def test_in_batch_leaves_out_what_a_row_has_chosen() -> None:
    interactions = random_interactions()
    users, items = interactions.users()[::3], interactions.items[::3]
    sampler = InBatch()
    sampler.prepare(interactions)
    found = sampler.candidates(users, items)
    assert torch.equal(found.items, items)
    assert torch.equal(found.targets, torch.arange(len(users)))
    assert found.offsets is not None
    left = found.offsets > -torch.inf
    for row, user in enumerate(users.tolist()):
        known = set(interactions.of(user).tolist())
        assert left[row].tolist() == [place == row or item not in known for place, item in enumerate(items.tolist())]
    shares = interactions.popularity() / len(interactions)
    assert torch.allclose(found.offsets[left], -shares[items].log().expand(len(users), -1)[left])
    bare = InBatch(corrected=False)
    bare.prepare(interactions)
    offsets = bare.candidates(users, items).offsets
    assert offsets is not None
    assert set(offsets.unique().tolist()) == {0.0, -torch.inf}


def test_a_user_who_has_chosen_everything_has_no_negative() -> None:
    everything = Interactions.from_pairs(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2, 2)
    for sampler in (Uniform(), Popularity()):
        with pytest.raises(ValueError, match="no negative for user number 1, who has chosen every item"):
            sampler.prepare(everything)


@pytest.mark.parametrize("make", [lambda: Uniform(0), lambda: Popularity(number=-1), lambda: Popularity(power=-1)])
def test_arguments_that_cannot_be(make: Any) -> None:
    with pytest.raises(ValueError, match=r"number=|power="):
        make()


def random_scores() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(6, 5, generator=generator), torch.tensor([0, 4, 2, 0, 1, 3])


def test_bpr_is_the_mean_over_the_others() -> None:
    scores, targets = random_scores()
    costs = [
        -torch.log(torch.sigmoid(scores[row, target] - scores[row, other]))
        for row, target in enumerate(targets.tolist())
        for other in range(5)
        if other != target
    ]
    assert torch.allclose(BPRLoss()(scores, targets), torch.stack(costs).mean())


def test_pointwise_is_the_binary_cross_entropy() -> None:
    scores, targets = random_scores()
    truth = nn.functional.one_hot(targets, 5).float()
    assert torch.allclose(
        PointwiseLoss()(scores, targets), nn.functional.binary_cross_entropy_with_logits(scores, truth)
    )


@pytest.mark.parametrize("loss", [BPRLoss(), PointwiseLoss(), nn.CrossEntropyLoss()])
def test_what_is_no_candidate_costs_nothing_and_gets_no_gradient(loss: nn.Module) -> None:
    scores, targets = random_scores()
    masked = torch.zeros_like(scores, dtype=torch.bool)
    masked[0, 1:3] = masked[2, 0] = True
    scores.requires_grad_()
    value = loss(scores.masked_fill(masked, -torch.inf), targets)
    value.backward()
    assert scores.grad is not None
    assert value.isfinite()
    assert scores.grad.isfinite().all()
    assert (scores.grad[masked] == 0).all()
    assert (scores.grad[~masked] != 0).all()
