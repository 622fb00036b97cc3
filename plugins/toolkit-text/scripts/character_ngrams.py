"""What counting alone reaches: a language model of n-grams of characters on *Pride and Prejudice*.

    python plugins/toolkit-text/scripts/character_ngrams.py

The split is that of `austen`. The probability of a character is that of the longest n-gram, mixed with the shorter ones
as Witten and Bell (1991) have it: a history that many different characters follow leaves more to the shorter one.
Prints bits a character of the last tenth for n-grams of one to eight characters.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from toolkit_text.austen import FILE
from toolkit_text.language_data import cut
from toolkit_text.plain_text import read_text

LONGEST = 8


def main() -> None:
    parts = cut([read_text(FILE)], {"val": 0.1})
    (train,), (val,) = parts["train"], parts["val"]
    following: dict[str, Counter[str]] = defaultdict(Counter)
    for size in range(LONGEST):
        for place in range(size, len(train)):
            following[train[place - size : place]][train[place]] += 1
    # One more than was seen: a character of the last tenth may be a new one.
    alike = 1 / (len(following[""]) + 1)
    bits = [0.0] * LONGEST
    for place, character in enumerate(val):
        probability = alike
        for size in range(LONGEST):
            seen = following.get(val[place - size : place]) if size <= place else None
            if seen is not None:
                kinds = len(seen)
                probability = (seen[character] + kinds * probability) / (seen.total() + kinds)
            bits[size] -= math.log2(probability)
    for size, total in enumerate(bits, start=1):
        print(f"{size}-grams: {total / len(val):.3f} bits a character")


if __name__ == "__main__":
    main()
