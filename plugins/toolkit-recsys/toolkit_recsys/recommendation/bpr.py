"""Matrix factorisation. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_recsys.recommendation.models import UserModel
from toolkit_recsys.recommendation.scoring import products


class MatrixFactorization(UserModel):
    """A vector for each user and each item, whose product is the score.

    With the loss `bpr` it is BPR-MF (Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI
    2009), here without biases.

    Args:
        num_users: filled from the data.
        num_items: filled from the data.
        width: of the vectors.
    """

    def __init__(self, num_users: int, num_items: int, width: int = 64) -> None:
        super().__init__()
        self.users = nn.Embedding(num_users, width)
        self.items = nn.Embedding(num_items, width)
        for table in (self.users, self.items):
            nn.init.xavier_normal_(table.weight)

    def forward(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        """Scores of all items `(batch, num_items)`, or of those named."""
        return products(self.users(users), self.items.weight, items)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of all users and of all items, whose products are the scores."""
        return self.users.weight, self.items.weight
