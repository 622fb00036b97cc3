"""Two networks, one for users and one for items, that meet in a product. Imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from toolkit_recsys.recommendation.models import UserModel
from toolkit_recsys.recommendation.scoring import products


class TwoTower(UserModel):
    """The cosine between what one network makes of the user and another of the item, over a temperature.

    Made for retrieval: vectors of items are computed once, and the nearest to a user's are looked up. Trained with the
    items of the batch as negatives (`loss: cross_entropy`, `task.negatives: {use: in_batch}`; Yi et al.,
    "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019).

    Args:
        num_users: filled from the data.
        num_items: filled from the data.
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
        width: int = 64,
        hidden: Sequence[int] = (),
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature={temperature}: above 0")
        self.user_tower = _tower(num_users, width, hidden)
        self.item_tower = _tower(num_items, width, hidden)
        self.temperature = temperature

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Scores of all items `(batch, num_items)`, or of those named."""
        queries = F.normalize(self.user_tower(users), dim=-1) / self.temperature
        if items is None:
            return products(queries, self._all(self.item_tower))
        keys = F.normalize(self.item_tower(items), dim=-1)
        return queries @ keys.T if items.dim() == 1 else (keys * queries.unsqueeze(1)).sum(2)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of all users and of all items, whose products are the scores."""
        return self._all(self.user_tower) / self.temperature, self._all(self.item_tower)

    @staticmethod
    def _all(tower: nn.Sequential) -> Tensor:
        return F.normalize(tower[1:](tower[0].weight), dim=-1)


def _tower(numbers: int, width: int, hidden: Sequence[int]) -> nn.Sequential:
    widths = (width, *hidden)
    layers: list[nn.Module] = [nn.Embedding(numbers, width)]
    nn.init.normal_(layers[0].weight, std=width**-0.5)  # type: ignore[arg-type]
    for before, after in itertools.pairwise(widths):
        if len(layers) > 1:
            layers.append(nn.ReLU())
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)
