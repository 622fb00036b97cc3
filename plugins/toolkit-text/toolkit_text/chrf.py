"""chrF as papers report it: sacrebleu's. Imports sacrebleu, torch and torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sacrebleu.metrics.chrf import CHRF
from torch import Tensor
from torchmetrics import Metric


class ChrF(Metric):
    """chrF2 (Popović, 2015) of a whole split, from 0 to 100: sacrebleu's `corpus_chrf`, of n-grams of characters.

    What is added up are the counts of n-grams, so that batches and processes make no difference to it.

    Arguments:
        word_order: n-grams of words up to this length count too; 2 makes it chrF++ (Popović, 2017).
        lowercase: whether capital letters count as small ones.

    Raises:
        ValueError: `word_order` is negative.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(self, word_order: int = 0, lowercase: bool = False) -> None:
        super().__init__()
        if word_order < 0:
            raise ValueError(f"word_order={word_order}: a number of words from 0 up")
        self._chrf = CHRF(word_order=word_order, lowercase=lowercase)
        self._chrf.num_refs = 1
        self.signature = str(self._chrf.get_signature())
        """What sacrebleu asks papers to tell beside the number: how it was computed, and by which version."""
        self.add_state("counts", torch.zeros(3 * self._chrf.order, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Count a batch: translations, and one reference for each."""
        if preds:
            # Not public, but what all of sacrebleu 2 is made of; a test holds the sums against corpus_chrf.
            rows = self._chrf._extract_corpus_statistics(list(preds), [list(target)])
            self.counts += torch.tensor(rows, device=self.counts.device).sum(0)

    def compute(self) -> Tensor:
        """The score, shape `()`."""
        score = self._chrf._compute_score_from_stats(self.counts.tolist())
        return torch.tensor(score.score, device=self.counts.device)
