"""Published sets of texts with classes, from the Hugging Face hub. Imports torch, and datasets when one is read."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit_text.hub import load_hub
from toolkit_text.hub_layout import split_name
from toolkit_text.labelled import Labelled, labelled_splits, stand_in, stratified
from toolkit_text.labelled_source import LabelledRows, LabelledSource
from toolkit_text.labelled_stream import streamed_splits
from toolkit_text.line_reader import LineReader
from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.words import Words

AG_NEWS = LabelledSource("text", "test", ("World", "Sports", "Business", "Sci/Tech"))
IMDB = LabelledSource("text", "test", ("negative", "positive"), by_class=True)
SST2 = LabelledSource("sentence", "validation", ("negative", "positive"))


def ag_news(
    path: str = "fancyzhx/ag_news",
    streaming: bool = False,
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    ends: bool = False,
    val_size: int = 5000,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """AG News (Zhang et al. 2015): 120,000 news items to train on and 7,600 to test, in four classes.

    The validation split is cut from the training texts, of every class the same share, but for a stream; the test
    texts are never touched. Samples, batches and facts are those of `text_table`.

    Needs datasets: `pip install 'toolkit-text[hf]'`. Has `ag_news.stand_in(seed)`, a few texts of random words.

    Arguments:
        path: on the hub, or a folder laid out like it.
        streaming: whether training texts are read from the network when they are wanted, and again in every epoch.
            They are shuffled among some ten thousand neighbours; the first validate. How many there are nobody
            knows before: give `trainer.max_steps` and `trainer.val_check_interval`.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones; of a stream they are the first.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(AG_NEWS, path, streaming, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def imdb(
    path: str = "stanfordnlp/imdb",
    streaming: bool = False,
    tokenizer: TokenizerPart | None = None,
    max_length: int = 512,
    ends: bool = False,
    val_size: int = 2500,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """IMDB (Maas et al. 2011): 25,000 reviews of films to train on and 25,000 to test, negative or positive.

    The validation split is cut from the training texts, of every class the same share, but for a stream; the test
    texts are never touched. Samples, batches and facts are those of `text_table`.

    Needs datasets: `pip install 'toolkit-text[hf]'`. Has `imdb.stand_in(seed)`, a few texts of random words.

    Arguments:
        path: on the hub, or a folder laid out like it.
        streaming: whether training texts are read from the network when they are wanted, and again in every epoch.
            They are shuffled among some ten thousand neighbours; the first validate. As they lie class after class, a
            reader for each class passes over the others, and the readers take turns: classes should be of equal size.
            How many texts there are nobody knows before: give `trainer.max_steps` and `trainer.val_check_interval`.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones; of a stream they are the first.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(IMDB, path, streaming, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def sst2(
    path: str = "stanfordnlp/sst2",
    streaming: bool = False,
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
        streaming: whether training texts are read from the network when they are wanted, and again in every epoch.
            They are shuffled among some ten thousand neighbours; the first validate. How many there are nobody
            knows before: give `trainer.max_steps` and `trainer.val_check_interval`.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        ends: whether a text begins with the token `bos` and ends with `eos`.
        val_size: number of training texts to validate on; 0 for no validation split.
        split_seed: which ones; of a stream they are the first.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: datasets is not installed.
        OSError: the data can neither be downloaded nor found.
        ValueError: a split or a column is missing, a text or a label is none, or no training text is of some class.
    """
    return _splits(SST2, path, streaming, tokenizer, Reading(max_length, ends), val_size, split_seed, run_files)


def _splits(
    source: LabelledSource,
    path: str,
    streaming: bool,
    tokenizer: TokenizerPart | None,
    reading: Reading,
    val_size: int,
    split_seed: int,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    if streaming and split_seed:
        raise ValueError(
            f"split_seed={split_seed}: of a stream the first texts are set aside, whatever the seed; leave it out"
        )
    found = load_hub(path, source.layout, streaming=streaming)
    part = tokenizer or Words()
    if streaming:
        return streamed_splits(found, source, path, val_size, part, reading, run_files)
    train, test = (
        Labelled.of(LabelledRows(found[split], source, split_name(path, split))) for split in ("train", source.test)
    )
    source.check_classes(train.targets.tolist(), f"{split_name(path, 'train')}: no text", "Give texts of every class")
    samples = len(train.texts)
    if not 0 <= val_size < samples:
        raise ValueError(f"val_size={val_size}: of {samples} training texts, 0 to {samples - 1} can be set aside")
    val = None
    if val_size:
        rest, cut = stratified(train.targets, val_size, split_seed)
        train, val = train.take(rest), train.take(cut)
    parts = {"train": train, "val": val, "test": test}
    return labelled_splits(parts, source.class_names, part, reading, run_files)


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
for _function, _source in ((ag_news, AG_NEWS), (imdb, IMDB), (sst2, SST2)):
    _function.stand_in = lambda seed, names=_source.class_names: stand_in(names, seed)  # type: ignore[attr-defined]
    _function.reader = LineReader  # type: ignore[attr-defined]
