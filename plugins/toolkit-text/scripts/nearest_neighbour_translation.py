"""What remembering alone reaches: each text gets the translation of the training text that is most like it.

    python plugins/toolkit-text/scripts/nearest_neighbour_translation.py
    python plugins/toolkit-text/scripts/nearest_neighbour_translation.py TABLE [NAMES]

Without arguments it is told of the English-German interface texts that come with this package; else of a table with the
columns split, source and target. NAMES are those of all columns of a file that does not name them in its first line:
split,page,source,target. Alike is what `toolkit_text.translation.memory` calls so. Prints sacrebleu's BLEU and chrF of
the validation and the test texts.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import sacrebleu
from toolkit_text.tables import read_table
from toolkit_text.text_table import NAMES_OF_SPLITS
from toolkit_text.translation.interface_strings import FILE
from toolkit_text.translation.memory import TranslationMemory

COLUMNS = ["split", "source", "target"]


def main() -> None:
    file = sys.argv[1] if len(sys.argv) > 1 else str(FILE)
    names = sys.argv[2].split(",") if len(sys.argv) > 2 else None
    table = read_table(file, COLUMNS, names=names)
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for split, source, target in zip(*(table.columns[column] for column in COLUMNS), strict=True):
        parts[NAMES_OF_SPLITS[split]].append((source, target))
    sources, targets = zip(*parts["train"], strict=True)
    memory = TranslationMemory(sources, targets)
    for name in ("val", "test"):
        found = [targets[place] for (place,) in memory.nearest([source for source, _ in parts[name]])]
        references = [[reference for _, reference in parts[name]]]
        bleu, chrf = sacrebleu.corpus_bleu(found, references), sacrebleu.corpus_chrf(found, references)
        print(f"{name}: {len(found):,} pairs, BLEU {bleu.score:.1f}, chrF {chrf.score:.1f}")


if __name__ == "__main__":
    main()
