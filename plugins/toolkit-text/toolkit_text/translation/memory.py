"""A translation memory: pairs that are found again by what is like their sources. Imports NumPy."""

from __future__ import annotations

import json
import lzma
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

FILE = "memory.json.xz"
"""What a run keeps its memory as."""
WORD = re.compile(r"\w+|[^\w\s]")
SATURATION, LENGTH = 1.2, 0.75
"""How soon a word that comes again says nothing new, and how much long texts are marked down: BM25's k1 and b."""


class TranslationMemory:
    """Pairs of texts, of which those are found whose sources are most like a text.

    How alike two texts are is told by BM25 ("The Probabilistic Relevance Framework", Robertson and Zaragoza, 2009) over
    words and pairs of neighbouring words (the first and the last have an end of the text for a neighbour), in small
    letters: rare ones count more, and long texts are marked down.

    Arguments:
        sources: texts.
        targets: their translations.
        count: how many are found for a text.
        groups: what each pair belongs to, such as a page, for `nearest`.

    Raises:
        ValueError: there are not as many, or none is to be found.
    """

    def __init__(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        count: int = 1,
        groups: Sequence[str] | None = None,
    ) -> None:
        if not 1 <= count < len(sources):
            raise ValueError(
                f"memory={count}: of {len(sources):,} pairs, 1 to {len(sources) - 1:,} others can be found"
            )
        self.sources, self.targets, self.count, self.groups = sources, targets, count, groups
        counts = [_terms(text) for text in sources]
        lengths = [each.total() for each in counts]
        mean = sum(lengths) / len(lengths) or 1.0
        found: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        for place, (terms, length) in enumerate(zip(counts, lengths, strict=True)):
            least = SATURATION * (1 - LENGTH + LENGTH * length / mean)
            for term, number in terms.items():
                found[term][0].append(place)
                found[term][1].append(number / (number + least))
        self._found = {
            term: (np.array(places), np.array(weights) * (1 + math.log((1 + len(sources)) / (1 + len(places)))))
            for term, (places, weights) in found.items()
        }
        """By term where it is, and how much it says there."""
        self._same = _places(sources)
        self._members = {} if groups is None else _places(groups)

    def nearest(
        self, texts: Sequence[str], *, same: bool = True, groups: Sequence[str] | None = None
    ) -> list[list[int]]:
        """For each text the places of the pairs whose sources are most like it, the best first.

        What a model is trained with should be no more like a text than what it will be given for texts that are not in
        the memory, or of no group in it.

        Arguments:
            texts: to look up.
            same: whether a source that is the text itself may be found.
            groups: of each text, of which no pair may be found.
        """
        found = []
        for number, text in enumerate(texts):
            left_out = [] if same else self._same.get(text, [])
            members = [] if groups is None else self._members.get(groups[number], [])
            found.append(self._nearest(text, [*left_out, *members]))
        return found

    def to_bytes(self) -> bytes:
        """As a file, for `from_bytes`."""
        columns = {"sources": self.sources, "targets": self.targets, "groups": self.groups}
        lists = {name: None if texts is None else list(texts) for name, texts in columns.items()}
        return lzma.compress(json.dumps({"count": self.count, **lists}, ensure_ascii=False).encode())

    @classmethod
    def from_bytes(cls, file: bytes) -> TranslationMemory:
        """From what a run has kept."""
        return cls(**json.loads(lzma.decompress(file)))

    def _nearest(self, text: str, left_out: Sequence[int]) -> list[int]:
        likeness = np.zeros(len(self.sources))
        for term, number in _terms(text).items():
            if term in self._found:
                places, weights = self._found[term]
                likeness[places] += number * weights
        likeness[left_out] = -1
        # All would take ten times as long to sort.
        least = max(np.partition(likeness, -self.count)[-self.count], 0)
        best = np.flatnonzero(likeness >= least)
        # Stable: of those that are equally like it the first, on every machine.
        found: list[int] = best[np.argsort(-likeness[best], kind="stable")][: self.count].tolist()
        return found


def _places(texts: Sequence[str]) -> dict[str, list[int]]:
    """By text where it is."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        places[text].append(place)
    return places


def _terms(text: str) -> Counter[str]:
    words = WORD.findall(text.lower())
    return Counter([*words, *map(" ".join, pairwise(["", *words, ""]))])
