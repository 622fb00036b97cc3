"""Texts with classes that are read one after the other, and not kept. Imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from toolkit_text.hub_layout import split_name
from toolkit_text.hub_stream import HubStream
from toolkit_text.in_turn import InTurn
from toolkit_text.labelled import Labelled, encoded_splits
from toolkit_text.labelled_source import LabelledRows, LabelledSource
from toolkit_text.notes import note
from toolkit_text.reading import Reading
from toolkit_text.resumable import Resumable
from toolkit_text.shuffled_stream import READ, ShuffledStream
from toolkit_text.splits import Splits
from toolkit_text.texts import Encoder, LabelledTexts, padded
from toolkit_text.tokenizer import TokenizerPart, fitted

CUT = "cut"
"""What counts texts that were longer than may be."""
EMPTY = "empty"
"""What counts texts of no tokens."""


class LabelledStream(ShuffledStream[tuple[str, int]]):
    """Texts as tokens, int64 `(length,)`, each with the number of its class.

    Every text is there: one that is too long is cut, and one of no tokens is a single unknown token. These are what is
    counted.

    Arguments:
        texts: each with its class.
        beginning: the state of `texts` where an epoch begins.
        encoder: from texts to tokens.
    """

    noun = "text"

    def __init__(self, texts: Resumable[tuple[str, int]], beginning: Mapping[str, Any], encoder: Encoder) -> None:
        super().__init__(texts, beginning)
        self.encoder = encoder

    def _next_window(self, items: Iterator[tuple[str, int]], seen: Counter[str]) -> tuple[LabelledTexts, Tensor]:
        read = list(islice(items, self.neighbours))
        encoded = self.encoder.encode([text for text, _ in read])
        seen.update({READ: len(read), CUT: encoded.cut, EMPTY: encoded.empty})
        targets = torch.tensor([label for _, label in read], dtype=torch.int64)
        return LabelledTexts(encoded, targets, self.encoder.tokenizer.pad_id), encoded.lengths

    def _tell(self, seen: Counter[str], of: str) -> None:
        if seen[CUT]:
            note(
                f"{of}, {seen[CUT]:,} longer than max_length={self.encoder.max_length} tokens: "
                "the rest of each is left out"
            )
        if seen[EMPTY]:
            note(f"{of}, {seen[EMPTY]:,} without tokens: each is one unknown token")


def labelled_texts(rows: HubStream, source: LabelledSource, name: str) -> Resumable[tuple[str, int]]:
    """Texts with their classes in an order that mixes the classes.

    Texts that lie class after class are read by as many readers as there are classes, each of which passes over those
    of the others.

    Arguments:
        rows: of a split.
        source: how they are laid out.
        name: what they are called in messages.
    """
    if not source.by_class:
        return LabelledRows(rows, source, name)
    return InTurn([LabelledRows(rows.again(), source, name, only) for only in range(len(source.class_names))])


def streamed_splits(
    found: Mapping[str, HubStream],
    source: LabelledSource,
    path: str,
    val_size: int,
    tokenizer: TokenizerPart,
    reading: Reading,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    """Splits of tokens, of which `train` is a stream; the tokenizer learns from its texts alone, and reads all.

    Arguments:
        found: the rows of each split.
        source: how they are laid out.
        path: where they are.
        val_size: so many of the first training texts are the validation split.
        tokenizer: as the recipe has it.
        reading: how texts are read.
        run_files: what the run has kept; None in a new one.

    Raises:
        ValueError: fewer texts are there, or none of some class is among the first that are shuffled.
    """
    if val_size < 0:
        raise ValueError(f"val_size={val_size}: a number of texts from 0 up")
    name = split_name(path, "train")
    texts = labelled_texts(found["train"], source, name)
    val = list(islice(texts, val_size))
    beginning = texts.state_dict()

    def from_beginning() -> Iterator[tuple[str, int]]:
        texts.load_state_dict(beginning)
        return iter(texts)

    first = [label for _, label in islice(from_beginning(), LabelledStream.neighbours)]
    if not first:
        raise ValueError(f"val_size={val_size}: of {len(val)} training texts, 0 to {len(val) - 1} can be set aside")
    full = len(first) == LabelledStream.neighbours and not source.by_class
    advice = "A stream shuffles so many among each other: leave streaming out" if full else "Lower val_size"
    source.check_classes(
        first,
        f"{name}: of the first {len(first):,} texts to train on none",
        f"{advice}, or give texts of every class in any order",
    )
    absent = source.absent([label for _, label in val])
    if val and absent:
        note(f"{name}: of the first {len(val):,} texts, which validate, none is of the class {absent[0]!r}")
    learnt = fitted(tokenizer, (text for text, _ in from_beginning()), run_files)
    test = LabelledRows(found[source.test], source, split_name(path, source.test))
    parts = {"val": Labelled.of(val) if val else None, "test": Labelled.of(test)}
    splits = encoded_splits(parts, source.class_names, learnt, reading)
    encoder = Encoder(learnt, reading.max_length, reading.ends)
    return replace(splits, train=LabelledStream(texts, beginning, encoder), collate=partial(_collate, learnt.pad_id))


def _collate(pad_id: int, samples: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """A batch as `LabelledTexts` has it, of a list of samples."""
    texts, labels = zip(*samples, strict=True)
    return padded(texts, pad_id), torch.tensor(labels)
