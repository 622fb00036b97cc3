"""Sentences of movie reviews, for or against: real data without a download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from toolkit_text.labelled import SPLITS, Labelled, labelled_splits
from toolkit_text.line_reader import LineReader
from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tables import read_table
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.words import Words

FILE = Path(__file__).parent / "data" / "movie_sentiment.tsv.xz"
CLASS_NAMES = ("negative", "positive")


def movie_sentiment(
    tokenizer: TokenizerPart | None = None,
    max_length: int = 128,
    ends: bool = False,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """10,568 sentences of movie reviews, positive or negative; shipped with this package.

    They come with VADER (Hutto and Gilbert 2014): ten people or so have given each sentence a score from -4 to 4, and
    it is positive where their mean is above 0. The 37 sentences whose mean is 0 are left out. Splits were drawn once,
    by a hash of the sentence: 7,397 to train, 1,058 to validate, 2,113 to test. Which reviews the sentences are from is
    not known, and two of one review can be in different splits.

    Samples, batches and facts are those of `text_table`; `class_names` are negative and positive.

    Arguments:
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        run_files: given by the toolkit: the tokenizer of a run that goes on.
    """
    table = read_table(FILE, ["split", "score", "text"])
    rows: dict[str, list[tuple[str, bool]]] = {name: [] for name in SPLITS}
    for split, score, text in zip(*table.columns.values(), strict=True):
        if float(score) != 0:
            rows[split].append((text, float(score) > 0))
    parts = {
        name: Labelled([text for text, _ in sentences], torch.tensor([int(positive) for _, positive in sentences]))
        for name, sentences in rows.items()
    }
    return labelled_splits(parts, CLASS_NAMES, tokenizer or Words(), Reading(max_length, ends), run_files)


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
movie_sentiment.reader = LineReader  # type: ignore[attr-defined]
