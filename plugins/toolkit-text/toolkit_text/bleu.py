"""BLEU as papers report it: sacrebleu's. Imports sacrebleu, torch and torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from sacrebleu.metrics.bleu import BLEU as SacreBLEU
from torch import Tensor
from torchmetrics import Metric

LENGTHS = 4
"""Words in an n-gram, at most."""


class BLEU(Metric):
    """BLEU (Papineni et al., 2002) of a whole split, from 0 to 100: sacrebleu's `corpus_bleu` (Post, 2018).

    What is added up are the counts of n-grams, so that batches and processes make no difference to it.

    Arguments:
        tokenize: how sacrebleu cuts texts into words: `13a` for most languages, `zh`, `intl`, `char` or `none`.
        lowercase: whether capital letters count as small ones.
        smooth_method: what sacrebleu does where no n-gram of some length is right.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(
        self,
        tokenize: Literal["13a", "zh", "intl", "char", "none"] = "13a",
        lowercase: bool = False,
        smooth_method: Literal["exp", "floor", "add-k", "none"] = "exp",
    ) -> None:
        super().__init__()
        self.smooth_method = smooth_method
        asked = SacreBLEU(tokenize=tokenize, lowercase=lowercase, smooth_method=smooth_method)
        asked.num_refs = 1
        self.signature = str(asked.get_signature())
        """What sacrebleu asks papers to tell beside the number: how it was computed, and by which version."""
        # Counts alone are asked of this one. Smoothing would add to them, and without effective_order sacrebleu warns
        # of the scores of sentences, which nobody looks at.
        self._counting = SacreBLEU(
            tokenize=tokenize, lowercase=lowercase, smooth_method="none", force=True, effective_order=True
        )
        self.add_state("counts", torch.zeros(2 + 2 * LENGTHS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Count a batch: translations, and one reference for each."""
        rows = []
        for translation, reference in zip(preds, target, strict=True):
            score = self._counting.sentence_score(translation, [reference])
            rows.append([score.sys_len, score.ref_len, *score.counts, *score.totals])
        if rows:
            self.counts += torch.tensor(rows, device=self.counts.device).sum(0)

    def compute(self) -> Tensor:
        """The score, shape `()`."""
        translated, wanted, *counts = self.counts.tolist()
        right, all_of_them = counts[:LENGTHS], counts[LENGTHS:]
        score = SacreBLEU.compute_bleu(right, all_of_them, translated, wanted, smooth_method=self.smooth_method)
        return torch.tensor(score.score, device=self.counts.device)
