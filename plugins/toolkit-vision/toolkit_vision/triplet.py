"""The triplet loss with the hardest triplets of a batch. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Triplet(nn.Module):
    """Batch-hard triplet loss (Hermans, Beyer and Leibe, 2017).

    For each sample the farthest one of its own identity and the nearest one of another, both within the batch: the
    second must be farther away than the first by a margin. Samples that have no such partners do not count.

    Batches are drawn from all samples and not by identity, so that a batch should be several times as large as there
    are training identities: with 64 samples of 6 identities each has about ten others of its own. For data with
    hundreds of identities take `arcface`, which needs no partners.

    Arguments:
        margin: a distance; embeddings of length 1 are at most 2 apart. None for the soft margin, `log(1 + exp(x))` in
            place of `max(0, margin + x)`, which goes on pulling when the margin is reached.
    """

    def __init__(self, margin: float | None = 0.2) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over the samples that have partners, shape `()`; 0 where none has.

        Arguments:
            outputs: embeddings `(batch, features)`.
            targets: identities `(batch,)`, int64.
        """
        with torch.autocast(outputs.device.type, enabled=False):
            lengths = outputs.square().sum(1)
            squares = lengths[:, None] + lengths - 2 * outputs @ outputs.T
            # The gradient of the root is infinite at 0.
            distances = squares.clamp_min(1e-12).sqrt()
            same = targets[:, None] == targets
            itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
            mates, others = same & ~itself, ~same
            farthest = distances.masked_fill(~mates, 0).amax(1)
            nearest = distances.masked_fill(~others, float(torch.finfo(distances.dtype).max)).amin(1)
            counts = mates.any(1) & others.any(1)
            # What does not count is left out before it is used: infinity times 0 would be no number.
            short = torch.where(counts, farthest - nearest, 0)
            losses = nn.functional.softplus(short) if self.margin is None else (self.margin + short).clamp_min(0)
            return (losses * counts).sum() / counts.sum().clamp_min(1)
