"""*Pride and Prejudice*: a novel that needs no download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit_text.language_data import cut, language_splits, stand_in
from toolkit_text.plain_text import read_text
from toolkit_text.splits import Splits
from toolkit_text.text_reader import TextReader
from toolkit_text.tokenizer import TokenizerPart

FILE = Path(__file__).parent / "data" / "prideprejudice.txt.gz"


def austen(tokenizer: TokenizerPart, context: int = 64, run_files: Mapping[str, bytes] | None = None) -> Splits:
    """Jane Austen's *Pride and Prejudice* (1813), 684,767 characters; shipped with this package.

    The first nine tenths train, the last tenth validates; there is no test split. Samples are windows as in
    `plain_text`.

    Facts: `vocab_size`, `pad_id`, `bos_id`, `eos_id`, and by split `characters_per_token`, for bits per character.

    Has `austen.stand_in(seed)`, random tokens out of 100, for a tokenizer that would have to be downloaded.

    Arguments:
        tokenizer: what makes tokens of text; it learns from the part that trains.
        context: tokens of a window.
        run_files: given by the core.

    Raises:
        ValueError: the text is too short for the context.
    """
    return language_splits(cut([read_text(FILE)], {"val": 0.1}), tokenizer, context, run_files)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
austen.stand_in = lambda seed: stand_in(100, 64, seed)  # type: ignore[attr-defined]
austen.reader = TextReader  # type: ignore[attr-defined]
