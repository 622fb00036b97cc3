"""Two networks, one for users and one for items, that meet in a product. Imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit_recsys.clicks.features import FeatureTable
from toolkit_recsys.interactions import History
from toolkit_recsys.recommendation.models import UserModel
from toolkit_recsys.recommendation.placed import Placed
from toolkit_recsys.recommendation.scoring import products
from toolkit_recsys.side_features import WHOSE, SideFeatures


class TwoTower(UserModel):
    """The cosine between what one network makes of the user and another of the item, over a temperature.

    Made for retrieval: vectors of items are computed once, and the nearest to a user's are looked up. Trained with the
    items of the batch as negatives (`loss: cross_entropy`, `task.negatives: {use: in_batch}`; Yi et al.,
    "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019).

    Where the dataset has features of users or items (`interactions` with `user_features` and `item_features`,
    `movielens_100k` with `features: true`), a tower takes the sum of the vector of the number and of those of the
    features (Kula, "Metadata Embeddings for User and Item Cold-start Recommendations", 2015). An item that nobody has
    chosen in training is then its features alone.

    Args:
        num_users: filled from the data.
        num_items: filled from the data.
        run_files: given by the core: the features, where there are any.
        width: of the vectors.
        hidden: widths of the layers between a vector and what it becomes; none for the vectors themselves.
        temperature: what cosines are divided by.

    Raises:
        ValueError: `temperature` is not above 0.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        run_files: Mapping[str, bytes] | None = None,
        width: int = 64,
        hidden: Sequence[int] = (),
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature={temperature}: above 0")
        of_users, of_items = (SideFeatures.from_files(run_files, whose) for whose in WHOSE)
        self.user_tower = Tower(num_users, width, hidden, of_users)
        self.item_tower = Tower(num_items, width, hidden, of_items)
        if of_items is not None:
            with torch.no_grad():
                # What is drawn at the start stays as it is where nobody has chosen the item, and means nothing.
                self.item_tower.ids.weight[History.from_files(run_files).train.popularity() == 0] = 0
        self.temperature = temperature

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Scores of all items `(batch, num_items)`, or of those named."""
        queries: Tensor = self.user_tower(users) / self.temperature
        if items is None:
            return products(queries, self.item_tower())
        keys: Tensor = self.item_tower(items)
        return queries @ keys.T if items.dim() == 1 else (keys * queries.unsqueeze(1)).sum(2)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of all users and of all items, whose products are the scores."""
        return self.user_tower() / self.temperature, self.item_tower()


class Tower(nn.Module):
    """From numbers, and what is known of them, to vectors of length 1.

    Args:
        numbers: how many there are.
        width: of the vectors.
        hidden: widths of the layers.
        features: of all of them; None where there are none.
    """

    def __init__(self, numbers: int, width: int, hidden: Sequence[int], features: SideFeatures | None) -> None:
        super().__init__()
        self.ids = nn.Embedding(numbers, width)
        nn.init.normal_(self.ids.weight, std=width**-0.5)
        self.features: FeatureTable | None = None
        if features is not None:
            sizes = features.field_sizes, features.num_numerical, features.multi_sizes
            self.features = FeatureTable(*sizes, width)
            self._names = tuple(features.inputs)
            self._known = Placed(*features.inputs.values())
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((width, *hidden)):
            layers += [nn.ReLU(), nn.Linear(before, after)] if layers else [nn.Linear(before, after)]
        self.layers = nn.Sequential(*layers)

    def forward(self, numbers: Tensor | None = None) -> Tensor:
        """Vectors of these, `(..., width)` for `(...)`, or of all `(n, width)`."""
        if numbers is not None and numbers.numel() > self.ids.num_embeddings:
            return F.embedding(numbers, self())
        vectors = self.ids.weight if numbers is None else self.ids(numbers)
        if self.features is not None:
            vectors = vectors + self._described(self.features, numbers, vectors.device).view_as(vectors)
        return F.normalize(self.layers(vectors), dim=-1)

    def _described(self, table: FeatureTable, numbers: Tensor | None, device: torch.device) -> Tensor:
        """The sums of the features' vectors, a row for each number."""
        known = self._known.at(device)
        if numbers is not None:
            known = tuple(part[numbers.flatten()] for part in known)
        vectors: Tensor = table(dict(zip(self._names, known, strict=True)))
        return vectors.sum(1)
