"""Which language a short text is in: real data that needs no download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit_text.characters import Characters
from toolkit_text.line_reader import LineReader
from toolkit_text.splits import Splits
from toolkit_text.text_table import text_table
from toolkit_text.tokenizer import TokenizerPart

FILE = Path(__file__).parent / "data" / "language_id.tsv.xz"


def language_id(
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    ends: bool = True,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """1,000 texts in each of 36 languages: strings of Home Assistant's interface; shipped with this package.

    Texts have 20 to 200 characters, half of them fewer than 33. 800 of a language are to train on, 100 to validate and
    100 to test. A language may be a variety of another one: Portuguese and that of Brazil, simplified and traditional
    Chinese. Translators leave names and some words in English.

    Samples, batches and facts are those of `text_table`; `class_names` are the languages' codes, `bg` to `zh-Hant`.

    Arguments:
        tokenizer: learns from the training texts; `characters` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        run_files: given by the toolkit: the tokenizer of a run that goes on.
    """
    return text_table(
        str(FILE),
        label="language",
        tokenizer=tokenizer or Characters(),
        max_length=max_length,
        ends=ends,
        run_files=run_files,
    )


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
language_id.reader = LineReader  # type: ignore[attr-defined]
