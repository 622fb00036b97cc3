"""Whether as many clicks are predicted as there are. Imports torch and torchmetrics."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class ClickRatio(Metric):
    """Calibration as a ratio: the clicks that were predicted, the sum of their probabilities, by those that came.

    1 is right; above it there are fewer clicks than were predicted. `calibration_error`, torchmetrics' own, looks at
    every range of probabilities by itself.
    """

    higher_is_better = None
    full_state_update = False
    predicted: Tensor
    clicks: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("predicted", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("clicks", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Args:
            preds: probabilities of class 1, `(batch,)`.
            target: 0 and 1, `(batch,)`.
        """
        self.predicted += preds.sum()
        self.clicks += target.sum()

    def compute(self) -> Tensor:
        """The ratio, `()`; infinite where there are no clicks."""
        return (self.predicted / self.clicks).float()
