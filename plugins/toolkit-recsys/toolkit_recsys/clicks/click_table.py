"""Your own clicks or ratings, in tables. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from toolkit.data import Splits
from toolkit_recsys.clicks.dataset import click_splits, divided, of_files, stand_in
from toolkit_recsys.clicks.learning import Asked, Part
from toolkit_recsys.clicks.row_reader import RowReader
from toolkit_recsys.clicks.tables import Table, open_table


def click_table(
    file: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    target: str = "label",
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    multi: Mapping[str, str] | None = None,
    threshold: float | None = None,
    kind: Literal["click", "number"] = "click",
    log: Sequence[str] = (),
    hashing: Mapping[str, int] | None = None,
    min_count: int = 1,
    longest: int = 16,
    columns: Sequence[str] | None = None,
    split: str | None = None,
    time: str | None = None,
    group: str | None = None,
    fold: int | None = None,
    folds: int = 5,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    on_disk: bool | None = None,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Clicks, purchases or ratings with the features of each, from tables: CSV, TSV, JSON Lines or Parquet.

    Either one `file`, or `train` with `val` and `test` where there are such. The rows of one file are divided at
    random, each by a hash of its number, unless one of `split`, `time`, `group` and `fold` says otherwise. Parquet may
    hold numbers, text and lists; in CSV fields may be quoted by `"`, in TSV a quote is a character like any other; both
    may be compressed by gzip or xz.

    A value of a category gets a number in the order of how often it comes in the rows to train on; 0 is what is
    missing, comes fewer than `min_count` times, or is seen in other rows alone. Numbers are made to have mean 0 and
    deviation 1 in training, and a missing one is 0 after that. Vocabularies and means are kept in the run's folder, and
    `toolkit predict` reads CSV, TSV, JSON Lines and Parquet with the same columns by them.

    A batch is a dict of `categorical`, whole numbers `(batch, fields)`, `numerical`, float32 `(batch, features)`, and
    `multi`, whole numbers `(batch, fields, longest)` padded with -1; those that there are; and targets, float32
    `(batch,)`.

    **Large tables** are converted once, to arrays in the cache folder, that training reads in blocks; memory does not
    grow with the number of rows. A file that has changed is converted anew. The folder `click_tables` there may be
    removed at any time.

    Facts: `task` (binary, of clicks), `field_sizes`, `num_numerical`, `multi_sizes`, `target_mean`.

    Has `click_table.stand_in(seed)`, a few rows of random features.

    Arguments:
        file: a table of all rows.
        train: a table of those to train on.
        val: of those to validate on.
        test: of those to test on.
        target: the column of what is predicted: 0 and 1, or a number.
        categorical: columns of categories, ids among them.
        numerical: columns of numbers.
        multi: by the names of columns of several categories what separates them: `{genres: "|"}`.
        threshold: from which target on a row is a click: 4 for ratings of 4 and 5.
        kind: `click`, or `number` for what the task `regression` predicts.
        log: numerical columns of which the logarithm is taken, of 1 plus the number: counts, prices.
        hashing: by the names of columns of categories, into how many numbers their values are hashed; they then need no
            vocabulary.
        min_count: how often a value has to come in training to get a number of its own.
        longest: how many values of a multi-valued column are kept of a row.
        columns: the names of all columns of a CSV or TSV file without a first line that names them.
        split: the column of `file` that says which split a row belongs to: train, val (valid, validation, dev) or test.
        time: the column of times; the latest rows are to test, those before them to validate.
        group: the column of users, say, of each of whom random shares of the rows are validated and tested on.
        fold: which of `folds` equal parts is tested on; `val_share` is then of the rest.
        folds: into how many parts.
        val_share: which share to validate on, where the file does not tell; 0 for no validation split.
        test_share: which share to test on, likewise.
        split_seed: which rows.
        on_disk: whether rows stay on the disk; when None, where files are larger than 256 MiB.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is no such table, has no such column, or no rows; a value cannot be; there is no click in
            training, or nothing else. The message begins with the file, and with the line where there is one.
    """
    asked = Asked(
        target=target,
        categorical=tuple(categorical),
        numerical=tuple(numerical),
        multi=dict(multi or {}),
        threshold=threshold,
        kind=kind,
        log=tuple(log),
        hashing=dict(hashing or {}),
        min_count=min_count,
        longest=longest,
        names=None if columns is None else tuple(columns),
    )
    files = {"train": train, "val": val, "test": test}
    given = [name for name, path in files.items() if path is not None]
    if (file is None) == (train is None):
        beside = f"; {' and '.join(given)} given without train" if given else ""
        raise ValueError(f"give either file, or train with val and test where there are such{beside}")
    if file is not None and given:
        raise ValueError(f"file and {given[0]} are given: either one file, or train with val and test")

    def table(path: str) -> Table:
        return open_table(Path(path).expanduser(), asked.names)

    if file is not None:
        whole = table(file)
        division = divided(
            whole,
            split=split,
            time=time,
            group=group,
            fold=fold,
            folds=folds,
            val_share=val_share,
            test_share=test_share,
            seed=split_seed,
        )
        parts = [Part(whole, division)]
    else:
        parts = of_files({name: table(path) for name, path in files.items() if path is not None})
    return click_splits(parts, asked, on_disk, run_files)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
click_table.stand_in = stand_in  # type: ignore[attr-defined]
click_table.reader = RowReader  # type: ignore[attr-defined]
