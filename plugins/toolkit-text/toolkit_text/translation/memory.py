"""A translation memory: pairs that are found again by what is like their sources. Imports NumPy."""

from __future__ import annotations

import json
import lzma
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

FILE = "memory.json.xz"
"""What a run keeps its memory as."""
SIZES = range(2, 6)
"""Characters of the pieces that alike texts share."""
COMMON, ALWAYS = 0.1, 1_000
"""A piece that is in a larger share of the sources, and in more of them, is not looked up: it says little, and most of
the time would go there."""


class TranslationMemory:
    """Pairs of texts, of which those are found whose sources are most like a text.

    Alike is what has a large cosine between counts of pieces of two to five characters (in small letters, with a space
    at both ends), each weighted by the logarithm of how rare it is in the sources ("tf-idf", Salton and Buckley, 1988).

    Arguments:
        sources: texts.
        targets: their translations.
        count: how many are found for a text.

    Raises:
        ValueError: there are not as many, or none is to be found.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str], count: int = 1) -> None:
        if not 1 <= count < len(sources):
            raise ValueError(
                f"memory={count}: of {len(sources):,} pairs, 1 to {len(sources) - 1:,} others can be found"
            )
        self.sources, self.targets, self.count = sources, targets, count
        counts = [_pieces(text) for text in sources]
        known = Counter(piece for each in counts for piece in each)
        most = max(ALWAYS, COMMON * len(sources))
        self._rarity = {piece: 1 + math.log((1 + len(sources)) / (1 + number)) for piece, number in known.items()}
        self._looked_up = [piece for piece, number in known.items() if number <= most]
        found: dict[str, tuple[list[int], list[float]]] = {piece: ([], []) for piece in self._looked_up}
        self._same: dict[str, list[int]] = defaultdict(list)
        for place, (text, each) in enumerate(zip(sources, counts, strict=True)):
            self._same[text].append(place)
            for piece, weight in self._weights(each):
                if piece in found:
                    found[piece][0].append(place)
                    found[piece][1].append(weight)
        self._places = {
            piece: (np.array(places, dtype=np.int64), np.array(weights)) for piece, (places, weights) in found.items()
        }

    def nearest(self, texts: Iterable[str], *, same: bool = True) -> list[list[int]]:
        """For each text the places of the pairs whose sources are most like it, the best first.

        Arguments:
            texts: to look up.
            same: whether a source that is the text itself may be found.
        """
        return [self._nearest(text, same=same) for text in texts]

    def to_bytes(self) -> bytes:
        """As a file, for `from_bytes`."""
        kept = {"count": self.count, "sources": list(self.sources), "targets": list(self.targets)}
        return lzma.compress(json.dumps(kept, ensure_ascii=False).encode())

    @classmethod
    def from_bytes(cls, file: bytes) -> TranslationMemory:
        """From what a run has kept."""
        return cls(**json.loads(lzma.decompress(file)))

    def _nearest(self, text: str, *, same: bool) -> list[int]:
        likeness = np.zeros(len(self.sources))
        for piece, weight in self._weights(_pieces(text)):
            if piece in self._places:
                places, weights = self._places[piece]
                likeness[places] += weight * weights
        if not same:
            likeness[self._same.get(text, [])] = -1
        if self.count == 1:
            return [int(likeness.argmax())]
        # Stable: of those that are equally like it the first, on every machine.
        found: list[int] = np.argsort(-likeness, kind="stable")[: self.count].tolist()
        return found

    def _weights(self, counts: Counter[str]) -> Iterator[tuple[str, float]]:
        """The weights of the pieces that are known, whose squares add up to 1."""
        weights = {piece: number * self._rarity[piece] for piece, number in counts.items() if piece in self._rarity}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for piece, weight in weights.items():
            yield piece, weight / length


def _pieces(text: str) -> Counter[str]:
    padded = f" {text.lower()} "
    return Counter(padded[begin : begin + size] for size in SIZES for begin in range(len(padded) - size + 1))
