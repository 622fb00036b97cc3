"""How often two images are rightly said to be of one identity or of two. Imports torch and torchmetrics."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class VerificationAccuracy(Metric):
    """The accuracy of "the same identity?" over pairs of the split, half of them the same.

    The answer is yes where the cosine between the embeddings is above a threshold. As in the protocol of Labeled Faces
    in the Wild (Huang, Ramesh, Berg and Learned-Miller, 2007) the threshold is not chosen on the pairs it is measured
    on: the pairs lie in folds, each is answered with the threshold that is best on all other folds, and the result is
    the mean over the folds. Unlike there, one identity can be in several folds.

    Pairs are drawn with replacement: a sample, and one of the others of its identity, or one of the other identities.
    They depend on the seed and the samples, neither on the order of these nor on the number of processes (but for
    what rounding does). Not a number where no identity has two samples, or there is one identity only.

    Arguments:
        pairs: how many.
        folds: in how many parts they lie.
        seed: which pairs.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    embeddings: list[Tensor]
    identities: list[Tensor]

    def __init__(self, pairs: int = 6000, folds: int = 10, seed: int = 0) -> None:
        super().__init__()
        if folds < 2 or pairs < 2 * folds:
            raise ValueError(f"folds={folds}, pairs={pairs}: at least 2 folds are needed, with 2 pairs in each")
        self.pairs = pairs
        self.folds = folds
        self.seed = seed
        self.add_state("embeddings", [], dist_reduce_fx="cat")
        self.add_state("identities", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Keep a batch.

        Arguments:
            preds: embeddings `(batch, features)` of any length but 0.
            target: identities `(batch,)`.
        """
        self.embeddings.append(F.normalize(preds.float()))
        self.identities.append(target)

    def compute(self) -> Tensor:
        """The accuracy, shape `()`."""
        embeddings, identities = dim_zero_cat(self.embeddings), dim_zero_cat(self.identities)
        if bool((identities < 0).any()):
            raise ValueError("these are pairs and no identities: take the metric pair_accuracy")
        order = embeddings[:, 0].argsort(stable=True)
        order = order[identities[order].argsort(stable=True)]
        drawn = drawn_pairs(identities[order].cpu(), self.pairs // 2, self.seed)
        if drawn is None:
            return embeddings.new_tensor(torch.nan)
        first, second = (order[side.to(order.device)] for side in drawn)
        similarity = (embeddings[first] * embeddings[second]).sum(1).double().cpu()
        # The first half are the same; every fold gets as many of both.
        same = torch.arange(len(similarity)) < len(similarity) // 2
        fold = torch.arange(len(similarity) // 2).repeat(2) % self.folds
        return accuracy_over_folds(similarity, same, fold).to(embeddings)


def drawn_pairs(identities: Tensor, pairs: int, seed: int) -> tuple[Tensor, Tensor] | None:
    """Random pairs of samples: `pairs` of the same identity, then as many of different ones.

    Arguments:
        identities: of the samples, in rising order, shape `(samples,)`.
        pairs: how many of each.
        seed: which ones.

    Returns:
        The samples of the pairs' two sides, shape `(2 * pairs,)` each; None where no such pairs can be.
    """
    samples = len(identities)
    _, group, counts = torch.unique_consecutive(identities, return_inverse=True, return_counts=True)
    several = (counts[group] > 1).nonzero().flatten()
    if len(counts) < 2 or len(several) == 0:
        return None
    generator = torch.Generator().manual_seed(seed)
    begins, size = (counts.cumsum(0) - counts)[group], counts[group]

    def below(highs: Tensor) -> Tensor:
        """For each number a random one from 0 up to it."""
        return (torch.rand(len(highs), generator=generator, dtype=torch.float64) * highs).long()

    one = several[torch.randint(len(several), (pairs,), generator=generator)]
    mate = begins[one] + (one - begins[one] + 1 + below(size[one] - 1)) % size[one]
    another = torch.randint(samples, (pairs,), generator=generator)
    stranger = (begins[another] + size[another] + below(samples - size[another])) % samples
    return torch.cat((one, another)), torch.cat((mate, stranger))


def accuracy_over_folds(similarity: Tensor, same: Tensor, fold: Tensor) -> Tensor:
    """The mean over folds of the accuracy with the threshold that is best on all other folds, float64 `()`.

    Arguments:
        similarity: of each pair, shape `(pairs,)`.
        same: whether it is of one identity.
        fold: the fold it is in.

    Returns:
        Not a number where there are fewer than two folds.
    """
    numbers = sorted(set(fold.tolist()))
    if len(numbers) < 2:
        return torch.tensor(torch.nan, dtype=torch.float64)
    accuracies = []
    for number in numbers:
        held_out = fold == number
        threshold = best_threshold(similarity[~held_out], same[~held_out])
        right = (similarity[held_out] > threshold) == same[held_out]
        accuracies.append(right.double().mean())
    return torch.stack(accuracies).mean()


def best_threshold(similarity: Tensor, same: Tensor) -> float:
    """The threshold above which pairs are best taken for the same; in the middle between the two pairs around it.

    Arguments:
        similarity: of each pair, shape `(pairs,)`.
        same: whether it is of one identity.
    """
    values, order = similarity.sort(descending=True)
    # What is gained by taking the pairs up to each one for the same, over taking none.
    gained = torch.where(same[order], 1, -1).cumsum(0)
    # Equal ones are on one side of a threshold.
    gained[:-1][values[:-1] == values[1:]] = -len(values)
    best = int(gained.argmax())
    if gained[best] <= 0:
        return torch.inf
    if best == len(values) - 1:
        return -torch.inf
    return float((values[best] + values[best + 1]) / 2)
