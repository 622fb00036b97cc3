"""Translations that papers report on, from the Hugging Face hub. Imports torch; `datasets` when one is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from toolkit_text.bpe import BPE
from toolkit_text.hub import load_hub
from toolkit_text.hub_layout import NAMES, HubLayout, split_name
from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tokenizer import TokenizerPart, fitted
from toolkit_text.translation.pair_splits import TextPairs, encoded_splits, pair_splits, stand_in
from toolkit_text.translation.pair_stream import PairStream, TextStream
from toolkit_text.translation.pairs import collated
from toolkit_text.translation.source_encoder import SourceEncoder
from toolkit_text.translation.source_reader import SourceReader


def multi30k(
    source: str = "en",
    target: str = "de",
    path: str = "bentrevett/multi30k",
    streaming: bool = False,
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Multi30k (Elliott et al., 2016): 29,000 descriptions of images in English and German, 1,014 and 1,000 more.

    The test pairs are those of 2016. Samples, batches and facts are those of `parallel_table`.

    Has `multi30k.stand_in(seed)`, a few pairs of random words.

    Arguments:
        source: the language to translate from, `en` or `de`.
        target: the language to translate to.
        path: on the hub, or a folder laid out like it: files of rows with a text for each language.
        streaming: whether training pairs are read from the network when they are wanted, and again in every epoch; as
            `wmt` has it.
        tokenizer: learns from the training texts of both languages; `bpe` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: the data cannot be had.
        ValueError: the languages or the splits are not in it.
    """
    _two(source, target, ("en", "de"))
    layout = _layout(source, target, *NAMES.values())
    loaded = load_hub(path, layout, streaming=streaming)
    return _splits(loaded, layout, path, streaming, tokenizer or BPE(), max_length, run_files)


def iwslt2017(
    source: str = "de",
    target: str = "en",
    path: str = "IWSLT/iwslt2017",
    streaming: bool = False,
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """The talks of IWSLT 2017 (Cettolo et al., 2017): about 200,000 sentences to and from English.

    Samples, batches and facts are those of `parallel_table`.

    Has `iwslt2017.stand_in(seed)`, a few pairs of random words.

    Arguments:
        source: the language to translate from: en, or ar, de, fr, ja, ko, zh to English.
        target: the language to translate to.
        path: on the hub, or a folder with files of rows whose `translation` holds a text for each language.
        streaming: whether training pairs are read from the network when they are wanted, and again in every epoch; as
            `wmt` has it.
        tokenizer: learns from the training texts of both languages; `bpe` when None.
        max_length: tokens of a text at most; notes say how many were longer.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: the data cannot be had.
        ValueError: there is no such pair of languages, or a split is missing.
    """
    _two(source, target, ("en", "ar", "de", "fr", "ja", "ko", "zh"), pivot="en")
    # The hub's own copy of the data as Parquet: the library no longer runs the script that the dataset consists of.
    layout = _layout(source, target, *NAMES.values())
    configuration, revision = f"iwslt2017-{source}-{target}", "refs/convert/parquet"
    loaded = load_hub(path, layout, configuration, revision=revision, streaming=streaming)
    return _splits(loaded, layout, path, streaming, tokenizer or BPE(), max_length, run_files)


def wmt(
    year: int = 14,
    source: str = "en",
    target: str = "de",
    path: str | None = None,
    streaming: bool = True,
    learn_from: int = 1_000_000,
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """WMT's shared tasks on news, 2014 to 2019 (Bojar et al., 2014): millions of sentences to and from English.

    The training pairs are read as they are wanted, and shuffled among some ten thousand neighbours, of which about five
    hundred at a time are of similar length, so that batches are. `newstest` of the year before validates, and that of
    the year tests (2019 has none here). How long an epoch of a stream is, nobody knows before: give `trainer.max_steps`
    and `trainer.val_check_interval`. Samples, batches and facts are those of `parallel_table`; a note counts what is
    left out of a stream, of its first ten thousand pairs and of every epoch that is read to its end.

    Has `wmt.stand_in(seed)`, a few pairs of random words.

    Arguments:
        year: 14 to 19.
        source: the language to translate from; this or the other one is en.
        target: the language to translate to.
        path: on the hub; `wmt/wmt14` for 14 when None. Or a folder with files of rows whose `translation` holds a text
            for each language.
        streaming: whether training pairs are read from the network again and again, instead of kept on the disk and in
            memory.
        learn_from: so many of the first pairs the tokenizer of a stream learns from.
        tokenizer: learns from the training texts of both languages; `bpe` with 32,000 tokens when None.
        max_length: tokens of a text at most.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: the data cannot be had.
        ValueError: there is no such year or pair of languages, or a split is missing.
    """
    if not 14 <= year <= 19:
        raise ValueError(f"year={year}: from 14 to 19")
    _two(source, target, (source, target), pivot="en")
    other = target if source == "en" else source
    path = path or f"wmt/wmt{year}"
    part = tokenizer or BPE(32_000)
    # The set of 2019 has no test split.
    layout = _layout(source, target, "train", "validation")
    loaded = load_hub(path, layout, f"{other}-en", streaming=streaming)
    return _splits(loaded, layout, path, streaming, part, max_length, run_files, learn_from)


def _splits(
    loaded: Mapping[str, Any],
    layout: HubLayout,
    path: str,
    streaming: bool,
    tokenizer: TokenizerPart,
    max_length: int,
    run_files: Mapping[str, bytes] | None,
    learn_from: int | None = None,
) -> Splits:
    """In memory; or with `train` as a stream, of which the tokenizer learns from so many of the first pairs."""
    reading = Reading(max_length, column=layout.columns[0])
    if not streaming:
        return pair_splits(_pairs(loaded, layout, path), tokenizer, reading, run_files)
    texts = TextStream(loaded["train"], layout, split_name(path, "train"))
    beginning = texts.state_dict()
    learnt = fitted(tokenizer, (text for pair in islice(texts, learn_from) for text in pair), run_files)
    evaluated = _pairs({name: rows for name, rows in loaded.items() if name != "train"}, layout, path)
    splits = encoded_splits(evaluated, SourceEncoder(learnt, max_length), reading)
    return replace(splits, train=PairStream(texts, beginning, learnt, max_length), collate=collated(learnt.pad_id))


def _pairs(loaded: Mapping[str, Any], layout: HubLayout, path: str) -> dict[str, TextPairs]:
    """Of every split that has a name here."""
    found = {}
    for ours, name in NAMES.items():
        if name not in loaded:
            continue
        where = split_name(path, name)
        pairs = list(TextStream(loaded[name], layout, where))
        found[ours] = TextPairs([source for source, _ in pairs], [target for _, target in pairs], where)
    return found


def _layout(source: str, target: str, *splits: str) -> HubLayout:
    otherwise = "{use: parallel_table, train: FILE, val: FILE, test: FILE, source: COLUMN, target: COLUMN}"
    return HubLayout(splits, (source, target), otherwise, inside="translation")


def _two(source: str, target: str, languages: tuple[str, ...], pivot: str | None = None) -> None:
    """Raises ValueError unless the languages are two of these, and the pivot is one of the two."""
    for name, language in (("source", source), ("target", target)):
        if language not in languages:
            raise ValueError(f"{name}={language!r}: one of {', '.join(languages)}")
    if source == target or (pivot is not None and pivot not in (source, target)):
        raise ValueError(
            f"source={source!r}, target={target!r}: two languages" + (f", one of them {pivot}" * bool(pivot))
        )


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
for _dataset in (multi30k, iwslt2017, wmt):
    _dataset.stand_in = stand_in  # type: ignore[union-attr]
    _dataset.reader = SourceReader  # type: ignore[union-attr]
