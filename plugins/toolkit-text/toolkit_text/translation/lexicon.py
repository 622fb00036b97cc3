"""Which tokens translate which, as pairs of texts tell. Imports NumPy."""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence

import numpy as np

FILE = "lexicon.json.xz"
"""What a run keeps its lexicon as."""
LONGEST = 40
"""Tokens of a text at most: of long pairs each says little, and together they take most of the time."""
ROUNDS = 5
NOTHING = 0.08
"""The share of a target's tokens that come from nothing in the source."""
DIAGONAL = 4.0
"""How much likelier it is that two tokens belong together which stand at the same place of their texts."""
LEAST = 0.03
"""A translation that is less probable is left out."""


class Lexicon:
    """The likeliest translations of every token.

    Arguments:
        tokens: of each token its translations, the likeliest first, `vocab_size` lists of the same length.
        probabilities: of these, which add up to 1 for each token; 0 fills a list up.
    """

    def __init__(self, tokens: Sequence[Sequence[int]], probabilities: Sequence[Sequence[float]]) -> None:
        self.tokens, self.probabilities = tokens, probabilities

    @classmethod
    def learnt(
        cls, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], vocab_size: int, count: int
    ) -> Lexicon:
        """From pairs of texts, by expectation maximisation.

        The model is that of "A Simple, Fast, and Effective Reparameterization of IBM Model 2" (Dyer et al., 2013), with
        their favour for the diagonal as a constant. A token that no pair tells anything of translates itself.

        Arguments:
            sources: the tokens of each source text.
            targets: those of its translation.
            vocab_size: how many tokens there are.
            count: how many translations of a token are kept.
        """
        short = [
            pair
            for pair in zip(sources, targets, strict=True)
            if 0 < min(map(len, pair)) <= LONGEST >= max(map(len, pair))
        ]
        tokens = np.zeros((vocab_size, count), dtype=np.int64)
        probabilities = np.zeros((vocab_size, count))
        if short:
            source, target, probability = _translated(short, vocab_size)
            order = np.lexsort((target, -probability, source))
            source, target, probability = source[order], target[order], probability[order]
            rank = np.arange(len(source)) - np.searchsorted(source, source)
            kept = (rank < count) & (probability >= LEAST) & (source < vocab_size)
            tokens[source[kept], rank[kept]] = target[kept]
            probabilities[source[kept], rank[kept]] = probability[kept]
        unknown = probabilities[:, 0] == 0
        tokens[unknown, 0] = np.flatnonzero(unknown)
        probabilities[unknown, 0] = 1
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return cls(tokens.tolist(), probabilities.round(4).tolist())

    def to_bytes(self) -> bytes:
        """As a file, for `from_bytes`."""
        return lzma.compress(json.dumps({"tokens": self.tokens, "probabilities": self.probabilities}).encode())

    @classmethod
    def from_bytes(cls, file: bytes) -> Lexicon:
        """From what a run has kept."""
        return cls(**json.loads(lzma.decompress(file)))


def _translated(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], vocab_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source token (`vocab_size` for nothing), target token, and the probability of the one given the other."""
    keys, priors, sizes = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for ours, theirs in pairs:
        m, n = len(ours), len(theirs)
        keys.append((np.array([vocab_size, *ours]) * vocab_size + np.array(theirs)[:, None]).ravel())
        distance = np.abs((np.arange(m) + 0.5) / m - (np.arange(n)[:, None] + 0.5) / n)
        near = np.exp(-DIAGONAL * distance)
        prior = np.full((n, m + 1), NOTHING)
        prior[:, 1:] = (1 - NOTHING) * near / near.sum(axis=1, keepdims=True)
        priors.append(prior.ravel())
        sizes.append(np.full(n, m + 1))
    # An entry is a token of a source that a token of its target may come from.
    known, entry = np.unique(np.concatenate(keys), return_inverse=True)
    source, target = known // vocab_size, known % vocab_size
    prior, size = np.concatenate(priors), np.concatenate(sizes)
    begins = np.cumsum(size) - size
    probability = np.full(len(known), 1.0)
    for _ in range(ROUNDS):
        share = prior * probability[entry]
        share /= np.repeat(np.add.reduceat(share, begins), size)
        expected = np.bincount(entry, weights=share, minlength=len(known))
        probability = expected / np.bincount(source, weights=expected)[source]
    return source, target, probability
