"""English texts of a user interface in German: real data that needs no download. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit_text.splits import Splits
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.translation.parallel_table import parallel_table
from toolkit_text.translation.source_reader import SourceReader

FILE = Path(__file__).parent.parent / "data" / "interface_strings.tsv.xz"


def interface_strings(
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    memory: int = 0,
    lexicon: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """13,203 strings of Home Assistant's interface, English and German; shipped with this package.

    10,575 are to train on, 1,337 to validate and 1,291 to test; no English text is there twice. Half of them have fewer
    than 30 characters. A component's strings are in all splits, so that much of a test text has been seen in others:
    the translation of the most similar training text alone has a BLEU of about 29
    (`scripts/nearest_neighbour_translation.py`).

    Samples, batches and facts are those of `parallel_table`.

    Arguments:
        tokenizer: learns from the training texts of both languages; `bpe` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        memory: so many similar training pairs are looked up for each text, and their translations given with it.
        lexicon: so many translations of each token are learnt from the training pairs, for the model to suggest them.
        run_files: given by the toolkit: the tokenizer of a run that goes on.
    """
    return parallel_table(
        str(FILE), tokenizer=tokenizer, max_length=max_length, memory=memory, lexicon=lexicon, run_files=run_files
    )


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
interface_strings.reader = SourceReader  # type: ignore[attr-defined]
