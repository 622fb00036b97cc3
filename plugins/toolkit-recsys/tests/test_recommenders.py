"""Models that rank items: what they compute, against slow definitions, and what they keep of the task's contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from toolkit_recsys.interactions import History, Interactions
from toolkit_recsys.recommendation.attention import Encoder
from toolkit_recsys.recommendation.bert4rec import BERT4Rec
from toolkit_recsys.recommendation.bpr import MatrixFactorization
from toolkit_recsys.recommendation.ease import EASE
from toolkit_recsys.recommendation.gru4rec import GRU4Rec
from toolkit_recsys.recommendation.item_knn import ItemKNN
from toolkit_recsys.recommendation.lightgcn import LightGCN
from toolkit_recsys.recommendation.mult_vae import MultVAE
from toolkit_recsys.recommendation.neumf import NeuMF
from toolkit_recsys.recommendation.popularity import MostPopular
from toolkit_recsys.recommendation.sasrec import SASRec
from toolkit_recsys.recommendation.seen import Seen
from toolkit_recsys.recommendation.two_tower import TwoTower
from torch import Tensor

USERS, ITEMS, LENGTH = 12, 20, 6


@pytest.fixture(scope="module")
def interactions() -> Interactions:
    generator = torch.Generator().manual_seed(2)
    users, items = (torch.rand(USERS, ITEMS, generator=generator) < 0.3).nonzero(as_tuple=True)
    order = torch.randperm(len(users), generator=generator)
    return Interactions.from_pairs(users[order], items[order], USERS, ITEMS)


@pytest.fixture(scope="module")
def run_files(interactions: Interactions) -> dict[str, bytes]:
    return {"interactions.npz": History(interactions).to_bytes()}


@pytest.fixture(scope="module")
def table(interactions: Interactions) -> Tensor:
    """Ones where a user has chosen an item."""
    found = torch.zeros(USERS, ITEMS)
    found[interactions.users(), interactions.items] = 1
    return found


Files = Mapping[str, bytes]
OF_USERS: dict[str, Callable[[Files], Any]] = {
    "bpr": lambda files: MatrixFactorization(USERS, ITEMS, width=8),
    "neumf": lambda files: NeuMF(USERS, ITEMS, width=8, hidden=[16, 8]),
    "neumf, one layer": lambda files: NeuMF(USERS, ITEMS, width=8, hidden=[8], dropout=0.0),
    "lightgcn": lambda files: LightGCN(USERS, ITEMS, files, width=8, layers=3),
    "two_tower": lambda files: TwoTower(USERS, ITEMS, width=8),
    "two_tower, deep": lambda files: TwoTower(USERS, ITEMS, width=8, hidden=[16, 4]),
    "popularity": MostPopular,
    "item_knn": ItemKNN,
    "ease": EASE,
}
OF_SEQUENCES: dict[str, Callable[[], Any]] = {
    "gru4rec": lambda: GRU4Rec(ITEMS, width=8, hidden=16, length=LENGTH),
    "sasrec": lambda: SASRec(ITEMS, width=8, length=LENGTH),
    "bert4rec": lambda: BERT4Rec(ITEMS, width=8, length=LENGTH),
    "mult_vae": lambda: MultVAE(ITEMS, latent=4, hidden=[16], length=LENGTH),
}


@pytest.mark.parametrize("name", OF_USERS)
def test_candidates_score_as_among_all_items(name: str, run_files: dict[str, bytes]) -> None:
    torch.manual_seed(0)
    model = OF_USERS[name](run_files).eval()
    users = torch.tensor([3, 0, 3, 11])
    every = model(users)
    assert every.shape == (4, ITEMS)
    assert torch.allclose(model.scores(users), every, atol=1e-6)
    own = torch.randint(ITEMS, (4, 40))
    assert torch.allclose(model(users, own), every.gather(1, own), atol=1e-5)
    shared = torch.tensor([5, 5, 19, 0, 2])
    assert torch.allclose(model(users, shared), every[:, shared], atol=1e-5)
    if hasattr(model, "vectors"):
        of_users, of_items = model.vectors()
        assert torch.allclose(of_users[users] @ of_items.T, every, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in OF_USERS if name not in ("popularity", "item_knn", "ease")])
def test_every_weight_of_a_model_of_pairs_is_trained(name: str, run_files: dict[str, bytes]) -> None:
    torch.manual_seed(0)
    model = OF_USERS[name](run_files)
    users, items = model.examples((torch.arange(USERS), torch.arange(USERS)))
    model(users, torch.stack([items, items + 5], dim=1)).sigmoid().sum().backward()
    for weight, parameter in model.named_parameters():
        assert parameter.grad is not None, weight
        assert parameter.grad.abs().sum() > 0, weight


@pytest.mark.parametrize("name", OF_SEQUENCES)
def test_every_weight_of_a_model_of_sequences_is_trained(name: str) -> None:
    torch.manual_seed(0)
    model = OF_SEQUENCES[name]()
    sequences = torch.randint(ITEMS, (32, LENGTH + 1))
    sequences[0, :5] = ITEMS
    rows, targets = model.examples((sequences,))
    scores = model(rows)
    scores, more = scores if isinstance(scores, tuple) else (scores, 0)
    (torch.nn.functional.cross_entropy(scores, targets) + more).backward()
    for weight, parameter in model.named_parameters():
        assert parameter.grad is not None, weight
        assert parameter.grad.abs().sum() > 0, weight


def test_lightgcn_adds_up_neighbours_over_the_roots_of_both_degrees(run_files: dict[str, bytes], table: Tensor) -> None:
    model = LightGCN(USERS, ITEMS, run_files, width=5, layers=2)
    of_users, of_items = model.vectors_of_layer_0.detach().split([USERS, ITEMS])
    layers = [(of_users, of_items)]
    degrees_of_users, degrees_of_items = table.sum(1), table.sum(0)
    for _ in range(2):
        before_users, before_items = layers[-1]
        next_users, next_items = torch.zeros_like(of_users), torch.zeros_like(of_items)
        for user in range(USERS):
            for item in range(ITEMS):
                if table[user, item]:
                    share = 1 / math.sqrt(degrees_of_users[user] * degrees_of_items[item])
                    next_users[user] += share * before_items[item]
                    next_items[item] += share * before_users[user]
        layers.append((next_users, next_items))
    for found, wanted in zip(
        model.vectors(), (torch.stack(each).mean(0) for each in zip(*layers, strict=True)), strict=True
    ):
        assert torch.allclose(found, wanted, atol=1e-6)


def test_lightgcn_has_the_gradient_of_the_dense_product(run_files: dict[str, bytes], table: Tensor) -> None:
    model = LightGCN(USERS, ITEMS, run_files, width=5, layers=2)
    graph = torch.zeros(USERS + ITEMS, USERS + ITEMS)
    graph[:USERS, USERS:], graph[USERS:, :USERS] = table, table.T
    roots = graph.sum(0).clamp(min=1).rsqrt()
    graph = graph * roots * roots.unsqueeze(1)
    weight = model.vectors_of_layer_0
    dense = (weight + graph @ weight + graph @ graph @ weight) / 3
    wanted = torch.autograd.grad((dense[:USERS] @ dense[USERS:].T).sigmoid().sum(), weight)[0]
    found = torch.autograd.grad(model(torch.arange(USERS)).sigmoid().sum(), weight)[0]
    assert torch.allclose(found, wanted, atol=1e-6)


def test_neumf_is_one_network_over_both_vectors() -> None:
    torch.manual_seed(4)
    model = NeuMF(USERS, ITEMS, width=6, hidden=[10, 5]).eval()
    users, items = torch.arange(USERS), torch.arange(USERS) + 3
    first = torch.cat([model.from_user.weight, model.from_item.weight], dim=1)
    hidden = torch.cat([model.user_inputs(users), model.item_inputs(items)], dim=1) @ first.T + model.from_user.bias
    hidden = model.layers[0](hidden.relu()).relu()
    wanted = model.head(torch.cat([model.users(users) * model.items(items), hidden], dim=1)).squeeze(1)
    assert torch.allclose(model(users, items.unsqueeze(1)).squeeze(1), wanted, atol=1e-6)


def test_popularity_counts_users(run_files: dict[str, bytes], table: Tensor) -> None:
    assert torch.equal(MostPopular(run_files).scores(torch.tensor([0, 1])), table.sum(0).expand(2, -1))


def test_item_knn_keeps_the_most_alike(run_files: dict[str, bytes], table: Tensor) -> None:
    model = ItemKNN(run_files, neighbours=3, shrink=2.0)
    norms = table.sum(0).sqrt()
    for item in range(ITEMS):
        alike = {
            other: float(table[:, item] @ table[:, other]) / float(norms[item] * norms[other] + 2)
            for other in range(ITEMS)
            if other != item
        }
        best = sorted(alike.values(), reverse=True)[:3]
        column = model.likeness[:, item]
        assert torch.allclose(column.sort(descending=True).values[:3], torch.tensor(best), atol=1e-6)
        assert int((column > 0).sum()) <= 3
        for other in column.nonzero().flatten().tolist():
            assert float(column[other]) == pytest.approx(alike[other])
    users = torch.tensor([4, 2])
    assert torch.allclose(model.scores(users), table[users] @ model.likeness)


def test_ease_is_the_ridge_regression_without_the_item_itself(run_files: dict[str, bytes], table: Tensor) -> None:
    model = EASE(run_files, regularization=3.0)
    for item in range(ITEMS):
        others = [other for other in range(ITEMS) if other != item]
        inputs, wanted = table[:, others].double(), table[:, item].double()
        solved = torch.linalg.solve(inputs.T @ inputs + 3 * torch.eye(ITEMS - 1), inputs.T @ wanted)
        assert torch.allclose(model.weights[others, item].double(), solved, atol=1e-5)
        assert model.weights[item, item] == 0


@pytest.mark.parametrize("make", [EASE, ItemKNN])
def test_what_was_fitted_comes_from_a_checkpoint(make: Any, run_files: dict[str, bytes]) -> None:
    fitted = make(run_files)
    other = make.untrained(run_files)
    assert not any(weight.any() for weight in other.state_dict().values())
    other.load_state_dict(fitted.state_dict())
    users = torch.arange(USERS)
    assert torch.equal(other.scores(users), fitted.scores(users))


@pytest.mark.parametrize("name", ["gru4rec", "sasrec"])
def test_no_place_of_a_sequence_knows_what_follows(name: str) -> None:
    torch.manual_seed(1)
    model = OF_SEQUENCES[name]().eval()
    rows = torch.randint(ITEMS, (3, LENGTH))
    changed = rows.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % ITEMS
    before, after = model.states(rows), model.states(changed)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-3)


@pytest.mark.parametrize("name", ["sasrec", "bert4rec"])
def test_padding_is_not_looked_at(name: str) -> None:
    torch.manual_seed(1)
    model = OF_SEQUENCES[name]().eval()
    rows = torch.randint(ITEMS, (4, LENGTH))
    rows[:, :3] = ITEMS
    with torch.no_grad():
        before = model.scores(rows)
        assert torch.allclose(model.scores(rows[:, 3:]), before, atol=1e-6)
        model.items.weight[ITEMS] += 1
        assert torch.allclose(model.scores(rows), before, atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_the_same_with_and_without_dropout_but_for_what_is_left_out(causal: bool) -> None:
    torch.manual_seed(1)
    # So little is left out that nothing is.
    encoder = Encoder(8, LENGTH, 2, 2, dropout=1e-9, causal=causal)
    vectors, there = torch.randn(4, LENGTH, 8), torch.ones(4, LENGTH, dtype=torch.bool)
    there[0, :4] = False
    assert torch.allclose(encoder.train()(vectors, there), encoder.eval()(vectors, there), atol=1e-5)
    half = Encoder(8, LENGTH, 1, 2, dropout=0.5, causal=causal)
    assert not torch.allclose(half(vectors, there), half.eval()(vectors, there), atol=1e-2)


@pytest.mark.parametrize("name", ["gru4rec", "sasrec"])
def test_every_item_with_one_after_it_is_an_example(name: str) -> None:
    model = OF_SEQUENCES[name]().eval()
    sequences = torch.full((3, LENGTH + 1), ITEMS)
    sequences[0] = torch.arange(LENGTH + 1)
    sequences[1, -3:] = torch.tensor([7, 9, 2])
    sequences[2, -1] = 5  # one item alone teaches nothing
    rows, targets = model.examples((sequences,))
    assert targets.tolist() == [*range(1, LENGTH + 1), 9, 2]
    scores = model(rows)
    assert scores.shape == (LENGTH + 2, ITEMS)
    # The last example of a row is what is asked for in the end.
    assert torch.allclose(scores[-1], model.scores(sequences[1:2, :-1])[0], atol=1e-6)


def test_bert4rec_asks_for_masked_items_only() -> None:
    torch.manual_seed(2)
    model = BERT4Rec(ITEMS, width=8, length=LENGTH, masked=0.3)
    sequences = torch.randint(ITEMS, (400, LENGTH + 1))
    sequences[:200, :4] = ITEMS
    (rows, places), targets = model.examples((sequences,))
    assert torch.equal(sequences.flatten()[places], targets)
    assert int(targets.max()) < ITEMS
    assert (rows.flatten()[places] == ITEMS + 1).all()
    untouched = torch.ones(rows.numel(), dtype=torch.bool)
    untouched[places] = False
    assert torch.equal(rows.flatten()[untouched], sequences.flatten()[untouched])
    counts = torch.bincount(places % (LENGTH + 1), minlength=LENGTH + 1)
    assert counts[4:-1].sum() / 800 == pytest.approx(0.3, abs=0.08)
    assert counts[-1] / 400 == pytest.approx(1 - 0.5 * 0.7, abs=0.1)


def test_mult_vae_reads_what_was_chosen_in_any_order() -> None:
    torch.manual_seed(3)
    model = MultVAE(ITEMS, latent=4, hidden=[16], annealing_steps=4)
    sequences = torch.tensor([[ITEMS, 3, 8, 1], [5, 8, 0, 2]])
    chosen, targets = model.examples((sequences,))
    assert [row.nonzero().flatten().tolist() for row in chosen] == [[1, 3, 8], [0, 2, 5, 8]]
    assert torch.equal(chosen, targets)
    weights = [float(model(chosen)[1].detach()) for _ in range(6)]
    assert weights[0] < weights[3]
    assert int(model.updates) == 6
    model.eval()
    assert torch.equal(model.scores(sequences), model.scores(sequences.flip(1)))
    assert int(model.updates) == 6


def test_what_was_seen_is_masked_and_the_latest_comes_last(interactions: Interactions, table: Tensor) -> None:
    seen, users = Seen(interactions), torch.tensor([7, 2, 7, 0])
    assert torch.equal(seen.matrix(users), table[users])
    scores = torch.randn(4, ITEMS)
    masked = seen.mask(scores.clone(), users)
    assert torch.equal(masked == -torch.inf, table[users] == 1)
    assert torch.equal(masked[table[users] == 0], scores[table[users] == 0])
    for length in (2, ITEMS):
        rows = seen.last(users, length)
        assert rows.shape == (4, length)
        for row, user in zip(rows.tolist(), users.tolist(), strict=True):
            wanted = interactions.of(user).tolist()[-length:]
            assert row == [ITEMS] * (length - len(wanted)) + wanted


def test_users_without_items_have_empty_histories() -> None:
    nobody = Interactions.from_pairs(torch.tensor([1]), torch.tensor([2]), 3, 4)
    seen, users = Seen(nobody), torch.tensor([0, 1, 2])
    assert seen.last(users, 2).tolist() == [[4, 4], [4, 2], [4, 4]]
    assert seen.matrix(users).sum() == 1
    nothing = Interactions.from_pairs(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64), 3, 4)
    assert Seen(nothing).last(users, 2).tolist() == [[4, 4]] * 3
    assert Seen(nothing).mask(torch.ones(3, 4), users).sum() == 12


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: MatrixFactorization(3, 3).examples((torch.zeros(2, 5),)), "leave out dataset.sequences"),
    (lambda: SASRec(3).examples((torch.zeros(2), torch.zeros(2))), "set dataset.sequences=50"),
    (lambda: SASRec(3, length=3).examples((torch.zeros(2, 5, dtype=torch.int64),)), "set model.length to"),
    (lambda: SASRec(3, width=10, heads=3), "heads=3 does not divide width=10"),
    (lambda: GRU4Rec(3, length=0), "length=0"),
    (lambda: BERT4Rec(3, masked=1.0), "masked=1.0"),
    (lambda: NeuMF(3, 3, hidden=[]), "hidden is empty"),
    (lambda: TwoTower(3, 3, temperature=0.0), "temperature=0.0"),
    (lambda: LightGCN(3, 3, {}), "keeps no interactions.npz"),
    (lambda: EASE({}), "keeps no interactions.npz"),
]


@pytest.mark.parametrize(("make", "told"), WRONG)
def test_what_cannot_be_is_told(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_arguments_of_fitted_models(run_files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="regularization=0"):
        EASE(run_files, regularization=0)
    with pytest.raises(ValueError, match="neighbours=0"):
        ItemKNN(run_files, neighbours=0)
    with pytest.raises(ValueError, match="layers=-1"):
        LightGCN(USERS, ITEMS, run_files, layers=-1)
