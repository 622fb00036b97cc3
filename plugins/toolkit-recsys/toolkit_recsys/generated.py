"""Interactions out of latent factors, and the best that any recommender can reach on them. Imports torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from toolkit.data import Splits
from toolkit_recsys.divided import recommendation_splits
from toolkit_recsys.ids import Ids
from toolkit_recsys.interactions import History
from toolkit_recsys.log import Log, renumbered
from toolkit_recsys.notes import note
from toolkit_recsys.protocols import LeaveOneOut, SplitProtocol, protocol_of
from toolkit_recsys.recommendation.metrics import NDCG, Recall
from toolkit_recsys.stand_in import stand_in

BEST = "generated_interactions_best"
"""The fact."""
K = 10
FEWEST = 5
"""Interactions of a user."""
STRONGEST = 10.0
"""Of what decides: exponentials of larger sums would leave double precision."""
DAY, FIRST_DAY = 86_400.0, 1.6e9


def generated_interactions(
    users: int = 2_000,
    items: int = 1_000,
    mean: int = 40,
    factors: int = 4,
    taste: float = 2.5,
    popularity: float = 0.7,
    follows: float = 0.0,
    seed: int = 0,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
) -> Splits:
    r"""Users who choose items by latent factors, and how well anybody could tell what they choose.

    A user `u` chooses items one after the other, none twice, each with a probability in proportion to
    `exp(taste * p_u . q_i / sqrt(factors) + popularity * b_i + follows * R q_j . q_i / sqrt(factors))`, where `p`, `q`
    and `b` are standard normal, `j` is the item chosen before and `R` a random rotation. How many a user chooses has a
    log-normal distribution around `mean`, of a spread of 0.5, from 5 up to a quarter of the items.

    **The best ranking is known.** With `follows: 0` the order of a user's items is shuffled, so that it tells nothing,
    and what is held out of the chosen items by chance or as the last is likelier to be `i` the larger that probability
    of `i` is: nothing ranks better, in expectation, than it does. With `follows` above 0 the same is true of the next
    item, with the split `leave_one_out` alone. The fact `generated_interactions_best` has what that ranking reaches on
    the very splits, with what was chosen before left out: `{"val": {"ndcg": ..., "recall": ...}, "test": ...}`, at 10.

    Splits and facts are those of `interactions`.

    Has `generated_interactions.stand_in(seed, sequences)`.

    Arguments:
        users: how many.
        items: how many.
        mean: items that a user chooses, about.
        factors: length of `p` and `q`.
        taste: how much users differ.
        popularity: how much items differ for all users alike.
        follows: how much the item before decides; 0 for not at all.
        seed: of users, items and choices.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.

    Raises:
        ValueError: there are too few users, items or choices, or a strength is not within 0 and 10.
    """
    if users < 1 or factors < 1 or not FEWEST <= mean <= items // 4:
        raise ValueError(
            f"users={users}, factors={factors}, mean={mean}, items={items}: numbers from 1 up; a mean from {FEWEST} "
            "up, and four times as many items"
        )
    for name, value in (("taste", taste), ("popularity", popularity), ("follows", follows)):
        if not 0 <= value <= STRONGEST:
            raise ValueError(f"{name}={value}: a number from 0 to {STRONGEST:g}")
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        # In double precision and from uniform numbers: what is chosen is then the same on every machine.
        first, second = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
        drawn: Tensor = (-2 * torch.log1p(-first)).sqrt() * (2 * torch.pi * second).cos()
        return drawn

    of_users, of_items = normal(users, factors), normal(items, factors)
    liking = taste * of_users @ of_items.T / factors**0.5 + popularity * normal(items)
    rotation = _rotation(normal(factors, factors))
    following = follows * of_items @ rotation @ of_items.T / factors**0.5 if follows else None
    numbers = (mean * (0.5 * normal(users) - 0.125).exp()).long().clamp(FEWEST, items // 4)
    chosen = _chosen(liking, following, numbers, generator)
    log = _log(chosen, numbers, items, generator, ordered=following is not None)
    protocol = protocol_of(split)
    splits = recommendation_splits(log, protocol.divide(log), None, sequences)
    if following is not None and not isinstance(protocol, LeaveOneOut):
        note("generated_interactions: the best is known with follows: 0, or with the split leave_one_out")
        return splits
    ids, history = Ids.from_files(splits.run_files), History.from_files(splits.run_files)
    owners, there = (torch.tensor([int(name) for name in names]) for names in (ids.users, ids.items))
    best: dict[str, Any] = {}
    for name in ("val", "test"):
        part = getattr(splits, name)
        if part is not None:
            before = history.before(name)
            scores = liking[owners[part[0]]][:, there]
            if following is not None:
                last = before.items[before.indptr[part[0] + 1] - 1]
                scores = scores + following[there[last]][:, there]
            seen = before.contains(part[0].unsqueeze(1), torch.arange(len(there)))
            best[name] = _measured(scores.masked_fill(seen, -torch.inf), part[1])
    return replace(splits, facts={**splits.facts, BEST: best})


def _rotation(drawn: Tensor) -> Tensor:
    """A random one; the signs of a QR decomposition are otherwise the library's to choose."""
    q, r = torch.linalg.qr(drawn)
    rotation: Tensor = q * r.diag().sign()
    return rotation


def _chosen(liking: Tensor, following: Tensor | None, numbers: Tensor, generator: torch.Generator) -> Tensor:
    """The items of each user in the order of choice, int64 `(users, most)`; those beyond a user's number are any."""
    most = int(numbers.max())
    if following is None:
        # Gumbel's trick: the largest of these are a draw without replacement, in its order.
        noise = torch.rand(liking.shape, generator=generator, dtype=torch.float64).clamp(min=1e-300)
        return (liking - (-noise.log()).log()).topk(most, dim=1).indices
    weights, factors = liking.exp(), following.exp()
    chosen = torch.zeros(len(liking), most, dtype=torch.int64)
    for step in range(most):
        users = (numbers > step).nonzero().flatten()
        now = weights[users]
        if step:
            now *= factors[chosen[users, step - 1]]
        sums = now.cumsum(1)
        at = torch.rand(len(users), 1, generator=generator, dtype=torch.float64) * sums[:, -1:]
        items = torch.searchsorted(sums, at, right=True).clamp(max=liking.shape[1] - 1)
        chosen[users, step] = items[:, 0]
        weights[users, items[:, 0]] = 0.0
    return chosen


def _log(chosen: Tensor, numbers: Tensor, items: int, generator: torch.Generator, *, ordered: bool) -> Log:
    """Times a day apart in the order of the choices, or by chance within a year."""
    users, most = chosen.shape
    there = torch.arange(most) < numbers.unsqueeze(1)
    by_chance = torch.rand(users, most, generator=generator, dtype=torch.float64) * 365
    times = FIRST_DAY + DAY * (torch.arange(most, dtype=torch.float64).expand(users, -1) if ordered else by_chance)
    owners = torch.arange(users).unsqueeze(1).expand(-1, most)
    return renumbered(
        Log(
            owners[there].numpy(),
            chosen[there].numpy(),
            [f"{number}" for number in range(users)],
            [f"{number}" for number in range(items)],
            "generated_interactions",
            times[there].numpy(),
        )
    )


def _measured(scores: Tensor, relevant: Tensor) -> dict[str, float]:
    """What a ranking reaches: the mean over users."""
    top = scores.topk(min(K, scores.shape[1]), dim=1)
    hits = (top.indices.unsqueeze(2) == relevant.unsqueeze(1)).any(2) & (top.values > -torch.inf)
    numbers = (relevant >= 0).sum(1)
    metrics = {"ndcg": NDCG(K), "recall": Recall(K)}
    return {name: float(metric.of_users(hits.float(), numbers).mean()) for name, metric in metrics.items()}


# An attribute of the function: the toolkit looks for `stand_in` on whatever a recipe names as its dataset.
generated_interactions.stand_in = stand_in  # type: ignore[attr-defined]
