"""Losses that hold a chosen item against others. Imports torch.

They are called as `torch.nn.CrossEntropyLoss` is, which is the softmax over the candidates.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F


class BPRLoss(nn.Module):
    """Bayesian personalised ranking: the chosen item should score higher than each of the others.

    -log sigmoid(chosen - other), the mean over the others (Rendle et al., "BPR: Bayesian Personalized Ranking from
    Implicit Feedback", UAI 2009). An other one that scores minus infinity costs nothing.
    """

    needs_negatives = True

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Scores `(batch, candidates)` and the place of the chosen one among them `(batch,)`; the mean, shape `()`."""
        chosen = scores.gather(1, targets.unsqueeze(1))
        # The chosen one among the others has a gradient of zero and costs log 2.
        together = F.softplus(scores - chosen).sum()
        return (together - math.log(2) * len(scores)) / (scores.numel() - len(scores))


class PointwiseLoss(nn.Module):
    """The binary cross-entropy of every candidate: 1 for the chosen one, 0 for each of the others.

    As in He et al., "Neural Collaborative Filtering" (WWW 2017). Scores are logits. One that is minus infinity costs
    nothing.
    """

    needs_negatives = True

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Scores `(batch, candidates)` and the place of the chosen one among them `(batch,)`; the mean, shape `()`."""
        return (F.softplus(scores).sum() - scores.gather(1, targets.unsqueeze(1)).sum()) / scores.numel()
