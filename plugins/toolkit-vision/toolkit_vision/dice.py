"""Dice, the loss that measures overlap, alone and beside cross-entropy. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Dice(nn.Module):
    """One minus the Dice coefficient between the probabilities and the truth (Milletari, Navab and Ahmadi, 2016).

    The coefficient of a class is twice the overlap over the sum of both areas, with the probabilities as they are and
    not rounded, over all pixels of the batch together. The loss is the mean over the classes that the truth of this
    batch has: a class that it lacks has no area to overlap with, and what is wrongly taken for it is missing from the
    overlap of another. Without any such pixel the loss is 0.

    Arguments:
        ignore_index: target of pixels that do not count; the task `segmentation` gives this one.
    """

    def __init__(self, ignore_index: int = -100) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss, shape `()`.

        Arguments:
            outputs: logits `(batch, classes, ...)`.
            targets: class numbers `(batch, ...)`, int64.
        """
        counts = (targets != self.ignore_index).unsqueeze(1)
        probabilities = outputs.softmax(1) * counts
        where = targets.unsqueeze(1).where(counts, 0)
        truth = torch.zeros_like(probabilities).scatter_(1, where, counts.to(probabilities.dtype))
        # All dimensions but the one of the classes.
        summed = [0, *range(2, outputs.dim())]
        area = truth.sum(summed)
        overlap = 2 * (probabilities * truth).sum(summed) / (probabilities.sum(summed) + area).clamp_min(1e-12)
        present = area > 0
        return ((1 - overlap) * present).sum() / present.sum().clamp_min(1)


class DiceCrossEntropy(nn.Module):
    """A weighted sum of Dice and cross-entropy: the second learns from every pixel, the first from small classes too.

    Arguments:
        dice: weight of the Dice loss.
        cross_entropy: weight of the cross-entropy.
        label_smoothing: of the cross-entropy.
        ignore_index: target of pixels that do not count; the task `segmentation` gives this one.
    """

    def __init__(
        self, dice: float = 1.0, cross_entropy: float = 1.0, label_smoothing: float = 0.0, ignore_index: int = -100
    ) -> None:
        super().__init__()
        self.overlap = Dice(ignore_index)
        self.dice = dice
        self.cross_entropy = cross_entropy
        self.label_smoothing = label_smoothing
        self.ignore_index = ignore_index

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss, shape `()`.

        Arguments:
            outputs: logits `(batch, classes, ...)`.
            targets: class numbers `(batch, ...)`, int64.
        """
        entropy = F.cross_entropy(
            outputs, targets, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing
        )
        weighted: Tensor = self.dice * self.overlap(outputs, targets) + self.cross_entropy * entropy
        return weighted
