"""Your own texts with their classes, in tables. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch

from toolkit_text.labelled import SPLITS, Labelled, cut_off, labelled_splits, stand_in
from toolkit_text.line_reader import LineReader
from toolkit_text.reading import Reading
from toolkit_text.splits import Splits
from toolkit_text.tables import Table, read_table
from toolkit_text.tokenizer import TokenizerPart
from toolkit_text.words import Words

NAMES_OF_SPLITS = {name: name for name in SPLITS} | dict.fromkeys(("valid", "validation", "dev"), "val")
"""What a column of splits may hold, and what it means."""


def text_table(
    file: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    text: str = "text",
    label: str = "label",
    split: str = "split",
    columns: Sequence[str] | None = None,
    encoding: str = "utf-8",
    tokenizer: TokenizerPart | None = None,
    max_length: int = 512,
    ends: bool = False,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    r"""Texts and their classes from tables: CSV, TSV, JSON Lines or Parquet, by the names of columns.

    Either one `file`, or `train` with `val` and `test` where there are such. The one file may have a column of splits:
    train, val (valid, validation, dev), test. Where there is none, validation and test texts are cut from all, of every
    class the same share. Where `train` is given, or the column holds no val, validation texts are cut from the training
    texts. What the files may be, and what is wrong with one, see `toolkit_text.tables.read_table`: **quotes in a TSV
    are characters**, while CSV is quoted as usual.

    Classes are the labels of the training texts, in the order of their names, or of their values where all are whole
    numbers. Spaces around a label do not count. A text of more than `max_length` tokens is cut, one of no tokens is a
    single unknown token; notes say how many there are.

    A sample is tokens, int64 `(length,)`, and a class; a batch is tokens `(batch, length)` padded at the end and
    classes `(batch,)`. Batches hold texts of similar length.

    Facts: `task` multiclass, `num_classes`, `class_names`, `vocab_size`, `pad_id`, `bos_id`, `eos_id`.

    Has `text_table.stand_in(seed)`, a few texts of random words in three classes.

    Arguments:
        file: a table of all texts.
        train: a table of those to train on.
        val: of those to validate on.
        test: of those to test on.
        text: the column of the texts.
        label: the column of their classes.
        split: the column of `file` that says which split a text belongs to.
        columns: the names of all columns of a CSV or TSV file without a first line that names them.
        encoding: of the files, as Python calls it.
        tokenizer: learns from the training texts; `words` when None.
        max_length: tokens of a text at most.
        ends: whether a text begins with the token `bos` and ends with `eos`, as BERT wants it; they are counted.
        val_share: which share to validate on, where the files do not tell; 0 for no validation split.
        test_share: which share to test on, where `file` has no column of splits; 0 for no test split.
        split_seed: which ones.
        run_files: given by the toolkit: the tokenizer of a run that goes on.

    Raises:
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
        ValueError: a file is no such table; a label is missing, or is in val or test alone; there are not two classes.
            The message begins with the file, and the line where there is one.
    """
    reading = Reading(max_length, ends, column=text, columns=columns, encoding=encoding)
    files = {"train": train, "val": val, "test": test}
    given = [name for name, path in files.items() if path is not None]
    if file is not None and given:
        raise ValueError(f"file and {given[0]} are given: either one file, or train with val and test")
    if file is None and train is None:
        beside = f"; {' and '.join(given)} given without train" if given else ""
        raise ValueError(f"give either file, or train with val and test where there are such{beside}")

    def read(path: str, *more: str) -> _Rows:
        return _Rows(read_table(path, [text, label], optional=more, names=columns, encoding=encoding), text, label)

    if file is not None:
        everything = read(file, split)
        divided = split in everything.table.columns
        rows = everything.by_split(split) if divided else {"train": everything}
    else:
        divided = True
        rows = {name: read(path) for name, path in files.items() if path is not None}
    class_names = _classes(rows)
    parts: dict[str, Labelled | None] = {name: each.labelled(class_names) for name, each in rows.items()}
    rest = parts["train"]
    assert rest is not None
    if not divided:
        rest, parts["test"] = cut_off(rest, test_share, "test_share", split_seed)
    if parts.get("val") is None:
        # Of all texts, where the test texts were cut from them too.
        share = val_share if divided else val_share / (1 - test_share)
        rest, parts["val"] = cut_off(rest, share, "val_share", split_seed)
    parts["train"] = rest
    return labelled_splits(parts, class_names, tokenizer or Words(), reading, run_files)


class _Rows:
    """Those rows of a table that are in a split."""

    def __init__(self, table: Table, text: str, label: str, rows: Sequence[int] | None = None) -> None:
        self.table = table
        self.rows = range(len(table)) if rows is None else rows
        self.text = text
        self.label = label
        self.labels = [table.columns[label][row].strip() for row in self.rows]

    def by_split(self, column: str) -> dict[str, _Rows]:
        found: dict[str, list[int]] = {}
        for row in self.rows:
            name = self.table.columns[column][row].strip()
            if name not in NAMES_OF_SPLITS:
                known = ", ".join(NAMES_OF_SPLITS)
                raise ValueError(f"{self.table.at(row)}: the split {name!r} is none of {known}")
            found.setdefault(NAMES_OF_SPLITS[name], []).append(row)
        if "train" not in found:
            raise ValueError(f"{self.table.file}: its column {column!r} names no train")
        return {name: _Rows(self.table, self.text, self.label, rows) for name, rows in found.items()}

    def labelled(self, class_names: Sequence[str]) -> Labelled:
        numbers = {name: number for number, name in enumerate(class_names)}
        texts = self.table.columns[self.text]
        return Labelled([texts[row] for row in self.rows], torch.tensor([numbers[label] for label in self.labels]))


def _classes(rows: Mapping[str, _Rows]) -> list[str]:
    """The labels of the training texts, in order.

    Raises:
        ValueError: a label is missing, or is in another split alone; or there is one class.
    """
    for each in rows.values():
        for row, label in zip(each.rows, each.labels, strict=True):
            if not label:
                raise ValueError(f"{each.table.at(row)}: no {each.label!r} in this line")
    known = set(rows["train"].labels)
    for name, each in rows.items():
        strange = Counter(label for label in each.labels if label not in known)
        if strange:
            first = each.labels.index(next(iter(strange)))
            listed = ", ".join(f"{label!r} ({count:,})" for label, count in strange.most_common(10))
            raise ValueError(f"{each.table.at(each.rows[first])}: labels of {name} that train does not have: {listed}")
    if len(known) < 2:
        path, label = rows["train"].table.file, rows["train"].labels[0]
        raise ValueError(f"{path}: all {len(rows['train'].labels):,} texts to train on are of the class {label!r}")
    if all(label.isdecimal() for label in known):
        return sorted(known, key=lambda label: (int(label), label))
    return sorted(known)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
text_table.stand_in = lambda seed: stand_in(["first", "second", "third"], seed)  # type: ignore[attr-defined]
text_table.reader = LineReader  # type: ignore[attr-defined]
