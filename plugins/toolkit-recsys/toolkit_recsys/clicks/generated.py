"""A world of users and items in which the probability of every click is known. Imports torch.

Nothing of it is real, so that "good" can be checked: nobody can order clicks better than by their true probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CONTEXTS = {"device": 5, "country": 20, "hour": 24}
"""Further fields, and how many values each has."""
TAGS, TAGS_OF_ITEM = 30, 4
"""How many tags there are, and how many an item has at most."""
FIELDS = ("user", "item", *CONTEXTS)
NUMERICAL = ("age", "price")


@dataclass(frozen=True)
class Rows:
    """Some occasions on which an item was shown to a user."""

    categorical: Tensor
    """Numbers of `FIELDS`, each from 0, int64 `(rows, fields)`."""
    numerical: Tensor
    """`NUMERICAL`, float32 `(rows, 2)`, of mean 0 and deviation 1."""
    multi: Tensor
    """The item's tags, int64 `(rows, 1, TAGS_OF_ITEM)`, padded with -1."""
    probability: Tensor
    """Of a click, float64 `(rows,)`."""
    clicks: Tensor
    """0 and 1, float32 `(rows,)`."""


class World:
    """Latent vectors of everything, drawn once.

    The logit of a click is a sum of: a constant; a weight for every value; the scalar products of the vectors of user
    and item, user and device, item and country, and of the user's and the mean of the item's tags; numbers for age and
    price, and what the user thinks of prices. Popular users and items come more often, as in Zipf's law.

    Args:
        users: how many.
        items: how many.
        width: length of the latent vectors.
        seed: of everything that is drawn here.
    """

    def __init__(self, users: int, items: int, width: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        self.sizes = dict(zip(FIELDS, (users, items, *CONTEXTS.values()), strict=True))
        self.often = {name: 1 / (torch.arange(size) + size / 10) for name, size in self.sizes.items()}
        self.weights = {name: 0.5 * normal(size) for name, size in self.sizes.items()}
        # A product of two vectors has deviation 1, whatever their length.
        self.vectors = {name: normal(size, width) / width**0.25 for name, size in self.sizes.items()}
        self.tags = normal(TAGS, width) / width**0.25
        self.likes_price = 0.5 * normal(users)
        count = torch.randint(1, TAGS_OF_ITEM + 1, (items, 1), generator=generator)
        drawn = torch.rand((items, TAGS), generator=generator).argsort(1)[:, :TAGS_OF_ITEM]
        self.tags_of_item = drawn.masked_fill(torch.arange(TAGS_OF_ITEM) >= count, -1)

    def draw(self, rows: int, generator: torch.Generator) -> Rows:
        """Rows that are independent of each other."""
        numbers = {
            name: torch.multinomial(often, rows, replacement=True, generator=generator)
            for name, often in self.often.items()
        }
        age, price = torch.randn((2, rows), generator=generator)
        tags = self.tags_of_item[numbers["item"]]
        vectors = {name: each[numbers[name]] for name, each in self.vectors.items()}
        known = (tags >= 0).unsqueeze(2)
        mean = (self.tags[tags.clamp(min=0)] * known).sum(1) / known.sum(1)
        pairs = (("user", "item"), ("user", "device"), ("item", "country"))
        logits = -1 + torch.stack([self.weights[name][each] for name, each in numbers.items()]).sum(0)
        logits += sum((vectors[one] * vectors[other]).sum(1) for one, other in pairs)
        logits += (vectors["user"] * mean).sum(1)
        logits += 0.3 * age - 0.5 * price + self.likes_price[numbers["user"]] * price
        probability = logits.sigmoid()
        clicks = torch.rand(rows, generator=generator, dtype=torch.float64) < probability
        return Rows(
            torch.stack(list(numbers.values()), dim=1),
            torch.stack((age, price), dim=1),
            tags.unsqueeze(1),
            probability,
            clicks.float(),
        )


def best_possible(rows: Rows) -> dict[str, float]:
    """AUC and logloss of whoever knows the true probabilities, on these rows."""
    probability, clicks = rows.probability, rows.clicks.double()
    log_loss = -(clicks * probability.log() + (1 - clicks) * (1 - probability).log()).mean()
    return {"auroc": auc(probability, clicks), "log_loss": float(log_loss)}


def auc(scores: Tensor, clicks: Tensor) -> float:
    """The share of pairs of a click and none that scores order rightly; scores that are alike count a half."""
    _, which, count = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = (count.cumsum(0).double() - (count.double() - 1) / 2)[which]
    clicked = clicks > 0
    positive = int(clicked.sum())
    pairs = positive * (len(clicks) - positive)
    return float((ranks[clicked].sum() - positive * (positive + 1) / 2) / pairs)


def as_table(rows: Rows) -> dict[str, Any]:
    """The columns of rows, as a table would have them, with the clicks as `click`."""
    columns: dict[str, Any] = {name: rows.categorical[:, number].numpy() for number, name in enumerate(FIELDS)}
    columns |= {name: rows.numerical[:, number].numpy() for number, name in enumerate(NUMERICAL)}
    return {**columns, "click": rows.clicks.byte().numpy()}
