"""How often two given images are rightly said to be of one identity or of two. Imports torch and torchmetrics."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from toolkit_vision.verification_accuracy import accuracy_over_folds


class PairAccuracy(Metric):
    """The accuracy of "the same identity?" over the pairs that a dataset gives, such as `lfw_pairs`.

    As `verification_accuracy`, which draws its pairs itself: the answer is yes where the cosine is above a threshold,
    the pairs lie in folds, and each is answered with the threshold that is best on all other folds. Folds are blocks of
    equally many pair numbers; the 6000 of LFW in ten blocks are its published folds. Pairs of which an image was left
    out are not counted. Not a number where the pairs are in one fold only.

    Arguments:
        folds: in how many parts the pairs lie.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    embeddings: list[Tensor]
    sides: list[Tensor]

    def __init__(self, folds: int = 10) -> None:
        super().__init__()
        if folds < 2:
            raise ValueError(f"folds={folds}: at least 2 are needed")
        self.folds = folds
        self.add_state("embeddings", [], dist_reduce_fx="cat")
        self.add_state("sides", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Keep a batch.

        Arguments:
            preds: embeddings `(batch, features)` of any length but 0.
            target: `(batch,)` int64, -1 - 2 * the number of the pair that an image is one of, and one less where the
                two are of one identity: below 0, so that it is taken for no identity.
        """
        self.embeddings.append(F.normalize(preds.float()))
        self.sides.append(target)

    def compute(self) -> Tensor:
        """The accuracy, shape `()`."""
        embeddings, sides = dim_zero_cat(self.embeddings), -1 - dim_zero_cat(self.sides)
        if bool((sides < 0).any()):
            raise ValueError("pair_accuracy is for the pairs of a dataset such as lfw_pairs; these are identities")
        order = sides.argsort(stable=True)
        values, counts = torch.unique_consecutive(sides[order], return_counts=True)
        whole = order[(counts == 2).repeat_interleave(counts)]
        first, second = embeddings[whole[::2]], embeddings[whole[1::2]]
        similarity = (first * second).sum(1).double().cpu()
        number, same = (values[counts == 2] // 2).cpu(), (values[counts == 2] % 2 == 1).cpu()
        in_a_fold = -(-(int(number.max()) + 1) // self.folds) if len(number) else 1
        return accuracy_over_folds(similarity, same, number // in_a_fold).to(embeddings)
