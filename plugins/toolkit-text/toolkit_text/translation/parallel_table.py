"""Your own pairs of texts, in tables. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tables import Table, read_table
from toolkit_text.text_table import NAMES_OF_SPLITS
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.translation.pair_splits import TextPairs, pair_splits, stand_in
from toolkit_text.translation.source_reader import SourceReader


def parallel_table(
    file: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    source: str = "source",
    target: str = "target",
    split: str = "split",
    columns: Sequence[str] | None = None,
    encoding: str = "utf-8",
    tokenizer: TokenizerPart | None = None,
    max_length: int = 256,
    memory: int = 0,
    lexicon: int = 0,
    group: str | None = None,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    r"""Texts and their translations from tables: CSV, TSV, JSON Lines or Parquet, by the names of columns.

    Either one `file`, or `train` with `val` and `test` where there are such. The one file may have a column of splits:
    train, val (valid, validation, dev), test. Where there is none, validation and test pairs are drawn from all; where
    `train` is given, or the column holds no val, validation pairs are drawn from the training pairs. What the files may
    be, and what is wrong with one, see `toolkit_text.tables.read_table`: **quotes in a TSV are characters**, while CSV
    is quoted as usual.

    One tokenizer learns from both sides of the training pairs. Left out, and counted in notes, are pairs with an empty
    side, and of the training pairs those with more than `max_length` tokens on a side; in validation and test what is
    too long is cut off, and still counts in the text that a translation is measured against.

    With `memory` each source is followed by the translations of the training texts that are most like it, for a model
    to take over what fits ("Neural Fuzzy Repair", Bulté and Tezcan, 2019); `toolkit predict` looks them up too. It pays
    where texts repeat themselves, as in manuals and interfaces, and with a model that can copy: `copy: true` of
    `transformer_seq2seq`, which also has a use for a `lexicon`. Where whole pages were put into splits, name their
    column as `group`: two texts of a page are more alike than what is found for a page that is not there.

    A batch is `((source, target_in), target_out)`, as the task `seq2seq` says, in validation and test with the target
    texts. Batches hold pairs of similar length.

    Facts: `vocab_size`, `pad_id`, `bos_id`, `eos_id`.

    Has `parallel_table.stand_in(seed)`, a few pairs of random words.

    Arguments:
        file: a table of all pairs.
        train: a table of those to train on.
        val: of those to validate on.
        test: of those to test on.
        source: the column of the texts to translate.
        target: the column of their translations.
        split: the column of `file` that says which split a pair belongs to.
        columns: the names of all columns of a CSV or TSV file without a first line that names them.
        encoding: of the files, as Python calls it.
        tokenizer: learns from the training texts; `bpe` when None.
        max_length: tokens of a text at most.
        memory: so many similar training pairs are looked up for each text, and their translations given with it.
        lexicon: so many translations of each token are learnt from the training pairs, for the model to suggest them.
        group: the column of what a pair belongs to; for a training text no pair of the same group is looked up.
        val_share: which share to validate on, where the files do not tell; 0 for no validation split.
        test_share: which share to test on, where `file` has no column of splits; 0 for no test split.
        split_seed: which ones.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
        ValueError: a file is no such table, or has no pair of two texts. The message begins with the file, and the line
            where there is one.
    """
    files = {"train": train, "val": val, "test": test}
    given = [name for name, path in files.items() if path is not None]
    if file is not None and given:
        raise ValueError(f"file and {given[0]} are given: either one file, or train with val and test")
    if file is None and train is None:
        beside = f"; {' and '.join(given)} given without train" if given else ""
        raise ValueError(f"give either file, or train with val and test where there are such{beside}")

    def read(path: str, *more: str) -> Table:
        needed = [source, target, *([group] if group is not None and path in (file, train) else [])]
        return read_table(path, needed, optional=more, names=columns, encoding=encoding)

    def pairs(table: Table, rows: Sequence[int] | None = None) -> TextPairs:
        chosen = range(len(table)) if rows is None else rows
        sources, targets = ([table.columns[side][row] for row in chosen] for side in (source, target))
        belongs = table.columns.get(group or "")
        groups = None if belongs is None else [belongs[row] for row in chosen]
        return TextPairs(sources, targets, str(table.file), groups)

    parts: dict[str, TextPairs | None]
    if file is not None:
        everything = read(file, split)
        divided = split in everything.columns
        rows = _by_split(everything, split) if divided else {"train": None}
        parts = {name: pairs(everything, chosen) for name, chosen in rows.items()}
    else:
        divided = True
        parts = {name: pairs(read(path)) for name, path in files.items() if path is not None}
    rest = parts["train"]
    assert rest is not None
    if not divided:
        parts["test"] = rest.cut(test_share, "test_share", split_seed)
    if parts.get("val") is None:
        # Of all pairs, where the test pairs were drawn from them too.
        parts["val"] = rest.cut(val_share if divided else val_share / (1 - test_share), "val_share", split_seed)
    reading = Reading(max_length, column=source, columns=columns, encoding=encoding)
    return pair_splits(parts, tokenizer, reading, run_files, memory, lexicon)


def _by_split(table: Table, column: str) -> dict[str, list[int]]:
    """The rows of each split, by the names that it has here.

    Raises:
        ValueError: a row is of no split, or none is to train on.
    """
    found: dict[str, list[int]] = {}
    for row, text in enumerate(table.columns[column]):
        name = NAMES_OF_SPLITS.get(text.strip())
        if name is None:
            known = ", ".join(NAMES_OF_SPLITS)
            raise ValueError(f"{table.at(row)}: the split {text.strip()!r} is none of {known}")
        found.setdefault(name, []).append(row)
    if "train" not in found:
        raise ValueError(f"{table.file}: its column {column!r} names no train")
    return found


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
parallel_table.stand_in = stand_in  # type: ignore[attr-defined]
parallel_table.reader = SourceReader  # type: ignore[attr-defined]
