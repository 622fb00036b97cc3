"""How well probabilities of clicks fit. Imports torch and torchmetrics."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class LogLoss(Metric):
    """Minus the mean logarithm of the probability that was given to what happened, in nats; the loss of clicks.

    Probabilities are taken to be at least 1e-7 away from 0 and 1.
    """

    higher_is_better = False
    full_state_update = False
    total: Tensor
    samples: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Args:
            preds: probabilities of class 1, `(batch,)`.
            target: 0 and 1, `(batch,)`.
        """
        sure = preds.clamp(1e-7, 1 - 1e-7)
        self.total -= torch.where(target == 1, sure, 1 - sure).log().sum()
        self.samples += preds.numel()

    def compute(self) -> Tensor:
        """The mean, `()`."""
        return (self.total / self.samples).float()
