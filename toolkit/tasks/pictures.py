"""What pictures and tables of a classifier's mistakes are made from, gathered on the device while it is evaluated.

Imports torch and torchmetrics; draws nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

TOKENS = 512
"""So much of a text is kept to be shown; batches of any length then fit together, over processes too."""


class Mistake(NamedTuple):
    """One sample that was taken for another class."""

    input: Tensor
    """As the model saw it but for its type, on the CPU, without the batch dimension."""
    target: int
    predicted: int
    loss: float
    """Minus the logarithm of the probability that the true class was given."""
    probability: float
    """That the predicted class was given."""


class ConfusionCounts(Metric):
    """How many samples of each class were taken for each class."""

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        # How many classes there are is seen in the first batch.
        self.add_state("counts", torch.zeros((0, 0), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Count a batch.

        Args:
            probabilities: ``(batch, classes, ...)``.
            targets: class numbers, ``(batch, ...)``; numbers that are no class are left out.
        """
        classes = probabilities.shape[1]
        predicted, true = probabilities.argmax(1).flatten(), targets.flatten()
        known = (true >= 0) & (true < classes)
        counts = torch.bincount(true[known] * classes + predicted[known], minlength=classes * classes)
        counts = counts.reshape(classes, classes)
        self.counts = counts if self.counts.numel() == 0 else self.counts + counts

    def compute(self) -> Tensor:
        """Samples by true class (row) and predicted class (column), shape ``(classes, classes)``."""
        return self.counts


class WorstMistakes(Metric):
    """The mistakes of an evaluation with the highest loss.

    Args:
        size: how many to keep. None are kept when batches hold inputs of different shapes, unless they are tokens: of
            those the first `TOKENS` of a sample are kept, with -1 behind the last.
    """

    full_state_update = False
    losses: list[Tensor]
    inputs: list[Tensor]
    targets: list[Tensor]
    predictions: list[Tensor]
    probabilities: list[Tensor]

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        for name in _STATES:
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, inputs: Tensor, probabilities: Tensor, targets: Tensor) -> None:
        """Look at a batch.

        Args:
            inputs: ``(batch, ...)``.
            probabilities: ``(batch, classes)``.
            targets: class numbers, ``(batch,)``.
        """
        classes = probabilities.shape[1]
        highest, predicted = probabilities.max(1)
        given = probabilities.gather(1, targets.clamp(0, classes - 1).unsqueeze(1)).squeeze(1)
        wrong = (predicted != targets) & (targets >= 0) & (targets < classes)
        # No mask that picks samples: its size would have to be waited for. What is right is sorted to the end.
        losses = torch.where(wrong, -given.float().clamp_min(1e-45).log(), -1.0)
        if are_tokens(inputs):
            kept_tokens = inputs[:, :TOKENS]
            inputs = nn.functional.pad(kept_tokens, (0, TOKENS - kept_tokens.shape[1]), value=-1)
        batch = (losses, inputs, targets, predicted, highest)
        kept = [getattr(self, name) for name in _STATES]
        if self.inputs and self.inputs[0].shape[1:] != inputs.shape[1:]:
            self.size = 0
        together = [torch.cat((*old, new)) if self.size else new for old, new in zip(kept, batch, strict=True)]
        best = together[0].topk(min(self.size, len(together[0]))).indices
        for name, part in zip(_STATES, together, strict=True):
            setattr(self, name, [part[best]])

    def compute(self) -> list[Mistake]:
        """The mistakes, the worst first."""
        losses, inputs, *numbers = (dim_zero_cat(getattr(self, name)) for name in _STATES)
        best = losses.topk(min(self.size, len(losses))).indices
        targets, predictions, probabilities = (each[best].tolist() for each in numbers)
        rows = zip(inputs[best].cpu(), targets, predictions, losses[best].tolist(), probabilities, strict=True)
        return [Mistake(*row) for row in rows if row[3] >= 0]


_STATES = ("losses", "inputs", "targets", "predictions", "probabilities")


def are_tokens(inputs: Tensor) -> bool:
    """Whether a batch of inputs, ``(batch, length)``, is made of the numbers of tokens."""
    return inputs.dim() == 2 and inputs.dtype in (torch.int16, torch.int32, torch.int64)
