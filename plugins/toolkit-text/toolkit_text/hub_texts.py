"""Published sets of texts with classes, from the Hugging Face hub. Imports torch, and datasets when one is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from toolkit_text.hub import load_hub
from toolkit_text.hub_layout import HubLayout, text_of
from toolkit_text.labelled import Labelled, labelled_splits, stand_in, stratified
from toolkit_text.line_reader import LineReader
from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.words import Words

OTHERWISE = "{use: text_table, train: FILE, test: FILE, text: COLUMN, label: COLUMN}"
"""What a recipe says to read other texts with classes."""


@dataclass(frozen=True)
class Source:
    """Where a set lies, and how it is laid out."""

    text: str
    """The column of texts; the one of classes is called label."""
    test: str
    """The split with published results."""
    class_names: tuple[str, ...]

    @property
    def layout(self) -> HubLayout:
        return HubLayout(("train", self.test), (self.text, "label"), OTHERWISE)


AG_NEWS = Source("text", "test", ("World", "Sports", "Business", "Sci/Tech"))
IMDB = Source("text", "test", ("negative", "positive"))
SST2 = Source("sentence", "validation", ("negative", "positive"))


def ag_news(
    path: str = "fancyzhx/ag_news",
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    ends: bool = False,
    val_size: int = 5000,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """AG News (Zhang et al. 2015): 120,000 news items to train on and 7,600 to test, in four classes.

    The validation split is cut from the training texts, of every class the same share; the test texts are never
    touched. Samples, batches and facts are those of `text_table`.

    Needs datasets: `pip install 'toolkit-text[hf]'`. Has `ag_news.stand_in(seed)`, a few texts of random words.

    Arguments:
        path: on the hub, or a folder laid out like it.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(AG_NEWS, path, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def imdb(
    path: str = "stanfordnlp/imdb",
    tokenizer: TokenizerPart | None = None,
    max_length: int = 512,
    ends: bool = False,
    val_size: int = 2500,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """IMDB (Maas et al. 2011): 25,000 reviews of films to train on and 25,000 to test, negative or positive.

    The validation split is cut from the training texts, of every class the same share; the test texts are never
    touched. Samples, batches and facts are those of `text_table`.

    Needs datasets: `pip install 'toolkit-text[hf]'`. Has `imdb.stand_in(seed)`, a few texts of random words.

    Arguments:
        path: on the hub, or a folder laid out like it.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(IMDB, path, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def sst2(
    path: str = "stanfordnlp/sst2",
    tokenizer: TokenizerPart | None = None,
    max_length: int = 128,
    ends: bool = False,
    val_size: int = 2500,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """SST-2 (Socher et al. 2013, as in GLUE): 67,349 phrases of film reviews to train on, negative or positive.

    The classes of its test split are secret, and results are published on its 872 validation sentences: those are
    `test` here, and `val` is cut from the training phrases, of every class the same share. Many of these are parts of
    one sentence, so that results on `val` are too good. Samples, batches and facts are those of `text_table`.

    Needs datasets: `pip install 'toolkit-text[hf]'`. Has `sst2.stand_in(seed)`, a few texts of random words.

    Arguments:
        path: on the hub, or a folder laid out like it.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(SST2, path, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def _splits(
    source: Source,
    path: str,
    tokenizer: TokenizerPart | None,
    reading: Reading,
    val_size: int,
    split_seed: int,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    found = load_hub(path, source.layout)
    train, test = (_labelled(source, path, name, found[name]) for name in ("train", source.test))
    _every_class(source.class_names, path, train)
    if not 0 <= val_size < len(train.texts):
        samples = len(train.texts)
        raise ValueError(f"val_size={val_size}: of {samples} training texts, 0 to {samples - 1} can be set aside")
    val = None
    if val_size:
        rest, cut = stratified(train.targets, val_size, split_seed)
        train, val = train.take(rest), train.take(cut)
    parts = {"train": train, "val": val, "test": test}
    return labelled_splits(parts, source.class_names, tokenizer or Words(), reading, run_files)


def _labelled(source: Source, path: str, name: str, split: Any) -> Labelled:
    columns = split[:]
    texts, labels = columns[source.text], columns["label"]
    for row, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        where = f"{path}: row {row} of the split {name!r}"
        text_of(text, f"{where}: its {source.text}")
        if type(label) is not int or not 0 <= label < len(source.class_names):
            named = ", ".join(f"{number} ({each})" for number, each in enumerate(source.class_names))
            raise ValueError(f"{where}: its label is {label!r}, and one of these is expected: {named}")
    return Labelled(texts, torch.tensor(labels))


def _every_class(names: Sequence[str], path: str, train: Labelled) -> None:
    """Raises ValueError unless there are training texts of every class."""
    counts = train.targets.bincount(minlength=len(names)).tolist()
    if not all(counts):
        there = ", ".join(f"{count:,} {name}" for name, count in zip(names, counts, strict=True) if count)
        raise ValueError(
            f"{path}: no text of the split 'train' is of the class {names[counts.index(0)]!r}; there are {there}. "
            f"Give texts of every class; those of fewer are read with dataset: {OTHERWISE}"
        )


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
for _function, _source in ((ag_news, AG_NEWS), (imdb, IMDB), (sst2, SST2)):
    _function.stand_in = lambda seed, names=_source.class_names: stand_in(names, seed)  # type: ignore[attr-defined]
    _function.reader = LineReader  # type: ignore[attr-defined]
