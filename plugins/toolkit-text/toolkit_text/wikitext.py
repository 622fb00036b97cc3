"""WikiText: articles of Wikipedia, from the Hugging Face hub. Imports torch; `datasets` when one is built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from toolkit_text.bpe import BPE
from toolkit_text.hub import load_hub
from toolkit_text.hub_layout import NAMES, HubLayout, split_name, text_of
from toolkit_text.language_data import check_context, evaluation_splits, language_splits, stand_in
from toolkit_text.packed_stream import PackedStream
from toolkit_text.resumable import Resumable
from toolkit_text.splits import Splits
from toolkit_text.text_reader import TextReader
from toolkit_text.tokenizer import TokenizerPart, fitted

PATH = "Salesforce/wikitext"
LAYOUT = HubLayout(
    tuple(NAMES.values()), ("text",), "{use: plain_text, train: FILE, val: FILE, column: COLUMN, tokenizer: {use: bpe}}"
)
TITLE = re.compile(r" = [^=].* = \n")
"""The line that an article begins with; `` = = Section = = `` are others."""
VOCABULARY = 50_304
"""Of the stand-ins: GPT-2's 50,257, rounded up to a multiple of 64, as kernels for GPUs like it."""


def wikitext2(
    tokenizer: TokenizerPart | None = None,
    context: int = 256,
    path: str = PATH,
    streaming: bool = False,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """WikiText-2 (Merity et al., 2017), unprocessed: 600 articles of Wikipedia to train on, 60 to validate, 60 to test.

    An article is one text. Samples, batches and facts are those of `plain_text`.

    Has `wikitext2.stand_in(seed)`, random tokens out of 50,304.

    Arguments:
        tokenizer: learns from the articles to train on; `bpe` when None.
        context: tokens of a window.
        path: on the hub, or a folder laid out like it: files of rows whose `text` holds a line each.
        streaming: whether the articles to train on are read from the network when they are wanted, and again in every
            epoch. Their windows come in order. How many there are nobody knows before: give `trainer.max_steps` and
            `trainer.val_check_interval`. Unknown tokens are told of early in the first epoch, and where an epoch ends.
        run_files: given by the core.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: the data cannot be had.
        ValueError: a split or a column is missing, a line is no text, or a text is too short for the context.
    """
    return _wikitext("wikitext-2-raw-v1", tokenizer, context, path, streaming, run_files)


def wikitext103(
    tokenizer: TokenizerPart | None = None,
    context: int = 1024,
    path: str = PATH,
    streaming: bool = False,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """WikiText-103 (Merity et al., 2017), unprocessed: 28,475 articles of Wikipedia, 540 MB, to train on.

    The articles to validate and to test on are those of WikiText-2, 60 each. An article is one text. Samples, batches
    and facts are those of `plain_text`.

    Has `wikitext103.stand_in(seed)`, random tokens out of 50,304.

    Arguments:
        tokenizer: learns from the articles to train on; `bpe` with 50,304 tokens when None.
        context: tokens of a window.
        path: on the hub, or a folder laid out like it: files of rows whose `text` holds a line each.
        streaming: whether the articles to train on are read from the network when they are wanted, and again in every
            epoch. Their windows come in order. How many there are nobody knows before: give `trainer.max_steps` and
            `trainer.val_check_interval`. Unknown tokens are told of early in the first epoch, and where an epoch ends.
        run_files: given by the core.

    Raises:
        ModuleNotFoundError: `datasets` is not installed.
        OSError: the data cannot be had.
        ValueError: a split or a column is missing, a line is no text, or a text is too short for the context.
    """
    return _wikitext("wikitext-103-raw-v1", tokenizer or BPE(VOCABULARY), context, path, streaming, run_files)


class Articles(Resumable[str]):
    """The articles of rows with a line each in `text`.

    Arguments:
        rows: mappings; those of a stream are a `HubStream`.
        name: what they are called in messages.

    Raises:
        ValueError: a line is no text.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], name: str) -> None:
        self.rows: Any = rows
        self.name = name
        self._begun: list[str] = []
        """Lines that were read of the article after the last one."""

    def state_dict(self) -> dict[str, Any]:
        """Where reading is, after the article that came last."""
        return {"rows": self.rows.state_dict(), "begun": list(self._begun)}

    def _begin(self) -> None:
        self._begun = []

    def _go_to(self, state: Mapping[str, Any]) -> None:
        self.rows.load_state_dict(state["rows"])
        self._begun = list(state["begun"])

    def _items(self) -> Iterator[str]:
        where = f"{self.name}: a line"
        for row in self.rows:
            line = text_of(row["text"], where)
            if TITLE.fullmatch(line) and self._begun:
                article, self._begun = "".join(self._begun), [line]
                yield article
            else:
                # Before the first title there is nothing but an empty line.
                self._begun += [line] if line.strip() or self._begun else []
        if self._begun:
            article, self._begun = "".join(self._begun), []
            yield article


def _wikitext(
    name: str,
    tokenizer: TokenizerPart | None,
    context: int,
    path: str,
    streaming: bool,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    check_context(context)
    part = tokenizer or BPE()
    loaded = load_hub(path, LAYOUT, name, streaming=streaming)
    articles = {split: Articles(loaded[named], split_name(path, named)) for split, named in NAMES.items()}
    if not streaming:
        return language_splits({split: list(each) for split, each in articles.items()}, part, context, run_files)
    learnt = fitted(part, articles["train"], run_files)
    evaluated = evaluation_splits({split: list(articles[split]) for split in ("val", "test")}, learnt, context)
    return replace(evaluated, train=PackedStream(articles["train"], learnt, context))


def _stand_in(seed: int) -> Splits:
    return stand_in(VOCABULARY, 64, seed)


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
for _dataset in (wikitext2, wikitext103):
    _dataset.stand_in = _stand_in  # type: ignore[attr-defined]
    _dataset.reader = TextReader  # type: ignore[attr-defined]
