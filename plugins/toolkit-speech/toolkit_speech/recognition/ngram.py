"""Language models of n-grams with backing off. Imports nothing heavy."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
Words = tuple[str, ...]


class NGramModel(NamedTuple):
    """Probabilities of words (or characters) after others, as an ARPA file has them; logarithms are natural."""

    order: int
    """Words of the longest n-gram."""
    log_probs: Mapping[Words, float]
    """Of the last word of an n-gram after those before it."""
    backoffs: Mapping[Words, float]
    """What the probability after fewer words is multiplied by, where an n-gram was not seen; 0 where there is none."""

    def log_prob(self, history: Words, word: str) -> float:
        """Of a word after others; one that nobody has heard of is `<unk>`, and without that has e^-100."""
        if (word,) not in self.log_probs:
            word = UNKNOWN
        history = history[max(0, len(history) - self.order + 1) :]
        cost = 0.0
        while True:
            found = self.log_probs.get((*history, word))
            if found is not None:
                return cost + found
            if not history:
                return cost - 100.0
            cost += self.backoffs.get(history, 0.0)
            history = history[1:]


def learnt(sentences: Iterable[Sequence[str]], order: int) -> NGramModel:
    """The n-grams of sentences, smoothed as Witten and Bell (1991) did, interpolated (Chen and Goodman, 1998).

    After a history that was seen c times with T different words, a new word has the probability T / (c + T).

    Arguments:
        sentences: as words, or as characters; their ends are counted as a word.
        order: words of the longest n-gram.

    Raises:
        ValueError: `order` is no number from 1 up, or there is no sentence.
    """
    if order < 1:
        raise ValueError(f"order={order}: a number of words from 1 up")
    counts: dict[Words, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        words = (BEGIN, *sentence, END)
        for place in range(1, len(words)):
            for length in range(min(order - 1, place) + 1):
                counts[words[place - length : place]][words[place]] += 1
    if not counts:
        raise ValueError("a language model cannot learn from no text")
    known = len(counts[()])
    # The probability that is left for what was not seen is shared by all words and the unknown one.
    log_probs: dict[Words, float] = {}
    backoffs: dict[Words, float] = {}
    for history in sorted(counts, key=len):
        seen = counts[history]
        total = sum(seen.values()) + len(seen)
        backoffs[history] = math.log(len(seen) / total)
        for word, count in seen.items():
            # A word that was seen after a history was seen after every shorter one too.
            shorter = math.exp(log_probs[*history[1:], word]) if history else 1 / (known + 1)
            log_probs[*history, word] = math.log((count + len(seen) * shorter) / total)
        if not history:
            log_probs[UNKNOWN,] = math.log(len(seen) / total / (known + 1))
    del backoffs[()]
    return NGramModel(order, log_probs, backoffs)
