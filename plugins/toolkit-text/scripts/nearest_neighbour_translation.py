"""What remembering alone reaches: each test text gets the translation of the training text that is most like it.

    python plugins/toolkit-text/scripts/nearest_neighbour_translation.py
    python plugins/toolkit-text/scripts/nearest_neighbour_translation.py TABLE split source target

Without arguments it is told of the English-German interface texts that come with this package; else of the columns of
a table, as the dataset `parallel_table` reads it. Prints sacrebleu's BLEU and chrF of the validation and test texts.

Alike is what has a large cosine between counts of n-grams of three to five characters (with a space at both ends, in
small letters), each weighted by the logarithm of how rare it is in the training texts.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import sacrebleu
from toolkit_text.tables import read_table
from toolkit_text.text_table import NAMES_OF_SPLITS

BUNDLED = Path(__file__).resolve().parent.parent / "toolkit_text" / "data" / "interface_strings.tsv.xz"
NGRAMS = range(3, 6)


def main() -> None:
    file, split, source, target = sys.argv[1:] or (str(BUNDLED), "split", "source", "target")
    table = read_table(file, [split, source, target])
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, *pair in zip(*(table.columns[column] for column in (split, source, target)), strict=True):
        parts[NAMES_OF_SPLITS[name]].append((pair[0], pair[1]))
    memory = Memory([text for text, _ in parts["train"]])
    for name in ("val", "test"):
        found = [parts["train"][memory.nearest(text)][1] for text, _ in parts[name]]
        references = [[reference for _, reference in parts[name]]]
        bleu, chrf = sacrebleu.corpus_bleu(found, references), sacrebleu.corpus_chrf(found, references)
        print(f"{name}: {len(found)} pairs, BLEU {bleu.score:.1f}, chrF {chrf.score:.1f}")


class Memory:
    """Texts that are found again by what is like them."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [ngrams(text) for text in texts]
        known = Counter(ngram for each in counts for ngram in each)
        self.rarity = {ngram: math.log(len(texts) / number) for ngram, number in known.items()}
        self.places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, each in enumerate(counts):
            for ngram, weight in self.weighted(each).items():
                self.places[ngram].append((place, weight))

    def nearest(self, text: str) -> int:
        """The place of the text that is most like this one; the first, where none has anything of it."""
        likeness: dict[int, float] = defaultdict(float)
        for ngram, weight in self.weighted(ngrams(text)).items():
            for place, other in self.places[ngram]:
                likeness[place] += weight * other
        return max(likeness, key=lambda place: (likeness[place], -place), default=0)

    def weighted(self, counts: Counter[str]) -> dict[str, float]:
        """The weights of the n-grams that are known, of length 1 together."""
        weights = {ngram: count * self.rarity[ngram] for ngram, count in counts.items() if ngram in self.rarity}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {ngram: weight / length for ngram, weight in weights.items()}


def ngrams(text: str) -> Counter[str]:
    padded = f" {text.lower()} "
    return Counter(padded[begin : begin + size] for size in NGRAMS for begin in range(len(padded) - size + 1))


if __name__ == "__main__":
    main()
