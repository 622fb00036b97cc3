"""Write the texts with classes that come with this package: `language_id.tsv.xz` and `movie_sentiment.tsv.xz`.

    python plugins/toolkit-text/scripts/make_texts.py FOLDER

FOLDER holds `langid.tsv.gz` (split, language, text: strings of Home Assistant's interface, 1,000 in each of 36
languages) and `movieReviewSnippets.tsv.gz` (number, mean score, text: the sentences of movie reviews that come with
VADER). Run again it gives the same rows.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "toolkit_text" / "data"
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
"""Those that make text smallest."""
TEST, VAL = 0.2, 0.1
"""Shares of the movie sentences."""


def main() -> None:
    source = Path(sys.argv[1])
    splits = {"train": "train", "valid": "val", "test": "test"}
    strings = [(splits[split], language, text) for split, language, text in rows(source / "langid.tsv.gz")]
    # Sorted by language and text: neighbours that begin alike make the file smaller.
    write("language_id", "language", sorted(strings, key=lambda row: (row[0], row[1], row[2])))
    sentences = [(score, text) for _, score, text in rows(source / "movieReviewSnippets.tsv.gz")]
    # By a hash of the sentence, so that no library's random numbers decide, and the same sentence is in one split.
    ranked = sorted(sentences, key=lambda row: hashlib.sha256(f"0:{row[1]}".encode()).digest())
    test, val = round(TEST * len(ranked)), round(VAL * len(ranked))
    named = [("test" if n < test else "val" if n < test + val else "train", *row) for n, row in enumerate(ranked)]
    write("movie_sentiment", "score", sorted(named, key=lambda row: (row[0], row[2])))


def rows(file: Path) -> Iterable[list[str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield line.rstrip("\n").split("\t")


def write(name: str, column: str, table: Iterable[tuple[str, str, str]]) -> None:
    lines = ["\t".join(row) + "\n" for row in [("split", column, "text"), *table]]
    assert all(line.count("\t") == 2 for line in lines)
    file = FOLDER / f"{name}.tsv.xz"
    file.write_bytes(lzma.compress("".join(lines).encode(), format=lzma.FORMAT_XZ, filters=FILTERS))
    print(file, file.stat().st_size)


if __name__ == "__main__":
    main()
