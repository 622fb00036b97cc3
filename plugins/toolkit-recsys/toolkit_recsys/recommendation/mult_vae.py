"""A variational autoencoder of what users have chosen. Imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit_recsys.recommendation.models import sequences_of


class MultVAE(nn.Module):
    """Mult-VAE: from all that a user has chosen to the chances of all items, through a few random numbers.

    The chances are one multinomial distribution, so that items compete (Liang et al., "Variational Autoencoders for
    Collaborative Filtering", WWW 2018): `loss: cross_entropy`, which adds up a user's items here. What comes to the
    loss is the divergence of the random numbers from a normal distribution, with a weight that grows with every step.
    A sample is a user: set `dataset.sequences` to as many items as users have; their order is not looked at.

    Args:
        num_items: filled from the data.
        latent: how many random numbers.
        hidden: widths of the layers on the way there, and, backwards, on the way back.
        dropout: the share of a user's items that is left out.
        length: how many of a user's latest items are read.
        divergence: the greatest weight of the divergence.
        annealing_steps: after how many steps it is reached.

    Raises:
        ValueError: a batch is not one of sequences.
    """

    updates: Tensor

    def __init__(
        self,
        num_items: int,
        latent: int = 128,
        hidden: Sequence[int] = (600,),
        dropout: float = 0.5,
        length: int = 1000,
        divergence: float = 0.2,
        annealing_steps: int = 2000,
    ) -> None:
        super().__init__()
        self.num_items, self.length = num_items, length
        self.dropout, self.divergence, self.annealing_steps = dropout, divergence, annealing_steps
        self.encoder = _layers((num_items, *hidden, 2 * latent))
        self.decoder = _layers((latent, *reversed(hidden), num_items))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def examples(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Users' items as ones `(batch, num_items)`, twice."""
        chosen = self._ones(sequences_of(self, batch))
        return chosen, chosen

    def forward(self, chosen: Tensor, items: Tensor | None = None) -> Any:
        """Logits of all items `(batch, num_items)`; in training the weighted divergence besides."""
        assert items is None, "the task gives no candidates to a model with a length"
        inputs = F.dropout(F.normalize(chosen), self.dropout, self.training)
        mean, logarithm = self.encoder(inputs).chunk(2, dim=1)
        if not self.training:
            return self.decoder(mean)
        self.updates += 1
        weight = self.divergence * (self.updates / self.annealing_steps).clamp(max=1)
        divergence = 0.5 * (logarithm.exp() + mean**2 - 1 - logarithm).sum(1).mean()
        drawn = mean + torch.randn_like(mean) * (0.5 * logarithm).exp()
        return self.decoder(drawn), weight * divergence

    def scores(self, rows: Tensor) -> Tensor:
        """Scores of all items `(batch, num_items)` for users with these items `(batch, length)`."""
        scores: Tensor = self(self._ones(rows))
        return scores

    def _ones(self, sequences: Tensor) -> Tensor:
        ones = torch.zeros(len(sequences), self.num_items + 1, device=sequences.device)
        return ones.scatter_(1, sequences, 1.0)[:, :-1]


def _layers(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Tanh()] if layers else []
        layers.append(nn.Linear(before, after))
        nn.init.xavier_normal_(layers[-1].weight)  # type: ignore[arg-type]
        nn.init.normal_(layers[-1].bias, std=0.001)  # type: ignore[arg-type]
    return nn.Sequential(*layers)
