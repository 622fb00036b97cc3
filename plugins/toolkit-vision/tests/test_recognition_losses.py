"""ArcFace against its formula, and the triplet loss against all triplets."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from toolkit_vision.arcface import ArcFace
from toolkit_vision.triplet import Triplet
from torch.nn import functional as F


def test_arcface_is_its_formula() -> None:
    torch.manual_seed(0)
    embeddings, identities = torch.randn(6, 4).double(), torch.tensor([0, 1, 2, 2, 1, 0])
    loss = ArcFace(num_identities=3, embedding_size=4, margin=0.4, scale=8).double()
    each = []
    for embedding, identity in zip(embeddings, identities.tolist(), strict=True):
        logits = []
        for number, centre in enumerate(loss.centres.detach()):
            angle = math.acos(float(F.cosine_similarity(embedding, centre, dim=0)))
            assert number != identity or angle + 0.4 < math.pi
            logits.append(8 * math.cos(angle + (0.4 if number == identity else 0)))
        each.append(-logits[identity] + math.log(sum(map(math.exp, logits))))
    assert loss(embeddings, identities).item() == pytest.approx(sum(each) / 6)


def test_without_margin_it_is_a_softmax_of_cosines() -> None:
    torch.manual_seed(0)
    embeddings, identities = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    loss = ArcFace(num_identities=3, embedding_size=4, margin=0, scale=8)
    cosines = F.cosine_similarity(embeddings[:, None], loss.centres[None], dim=2)
    assert torch.allclose(loss(embeddings, identities), F.cross_entropy(8 * cosines, identities), atol=1e-6)


def test_arcface_rises_with_the_angle_all_the_way_round() -> None:
    loss = ArcFace(num_identities=2, embedding_size=2, margin=0.5, scale=4)
    with torch.no_grad():
        loss.centres.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    angles = torch.linspace(0, math.pi, 50, dtype=torch.float64)
    embeddings = torch.stack((angles.cos(), angles.sin()), dim=1)
    other = F.normalize(loss.centres.detach().double()) @ embeddings.T
    targets = torch.tensor([0])
    # What is left when the part of the other centre is taken away: minus the logit of its own.
    own = [
        math.log(math.expm1(float(loss(one[None], targets).detach()))) - 4 * float(other[1, place])
        for place, one in enumerate(embeddings)
    ]
    assert all(before < after for before, after in pairwise(own))


@pytest.mark.parametrize("embedding", [[1.0, 0.0], [-1.0, 0.0]])
def test_the_gradient_at_and_opposite_to_a_centre_is_finite(embedding: list[float]) -> None:
    loss = ArcFace(num_identities=2, embedding_size=2)
    with torch.no_grad():
        loss.centres.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    embeddings = torch.tensor([embedding], requires_grad=True)
    loss(embeddings, torch.tensor([0])).backward()
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()
    assert torch.isfinite(loss.centres.grad).all()  # type: ignore[arg-type]


def test_half_precision_around_it_changes_nothing() -> None:
    torch.manual_seed(0)
    embeddings, identities = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    for loss in (ArcFace(num_identities=3, embedding_size=4), Triplet()):
        alone = loss(embeddings, identities)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(loss(embeddings, identities), alone)


def test_embeddings_of_another_size_are_told_what_to_set() -> None:
    with pytest.raises(ValueError, match="set loss.embedding_size to 5"):
        ArcFace(num_identities=3, embedding_size=4)(torch.randn(2, 5), torch.tensor([0, 1]))


@pytest.mark.parametrize("margin", [0.3, None])
def test_the_hardest_triplets_are_those_found_by_trying_all(margin: float | None) -> None:
    generator = torch.Generator().manual_seed(3)
    embeddings = F.normalize(torch.randn(12, 3, generator=generator)).double()
    identities = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4])
    found = []
    for anchor in range(12):
        triplets = [
            float((embeddings[anchor] - embeddings[mate]).norm() - (embeddings[anchor] - embeddings[other]).norm())
            for mate in range(12)
            for other in range(12)
            if mate != anchor and identities[mate] == identities[anchor] != identities[other]
        ]
        if triplets:
            hardest = max(triplets)
            found.append(math.log1p(math.exp(hardest)) if margin is None else max(0.0, margin + hardest))
    assert len(found) == 11, "the last one is alone"
    assert Triplet(margin)(embeddings, identities).item() == pytest.approx(sum(found) / 11)


@pytest.mark.parametrize("identities", [[0, 1, 2], [5, 5, 5]])
def test_a_batch_without_triplets_is_no_loss_and_a_gradient(identities: list[int]) -> None:
    embeddings = torch.randn(3, 4, requires_grad=True)
    loss = Triplet()(embeddings, torch.tensor(identities))
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


def test_equal_embeddings_have_a_finite_gradient() -> None:
    embeddings = torch.ones(4, 3, requires_grad=True)
    Triplet()(embeddings, torch.tensor([0, 0, 1, 1])).backward()
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()
