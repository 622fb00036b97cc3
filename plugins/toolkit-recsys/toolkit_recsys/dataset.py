"""Your own interactions of users with items, in tables. Imports torch and pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.data import Splits
from toolkit_recsys.divided import divided, recommendation_splits
from toolkit_recsys.log import liked, renumbered
from toolkit_recsys.protocols import SplitProtocol
from toolkit_recsys.reading import Schema, joined, read_titles
from toolkit_recsys.side_features import WHOSE, Described, Whose
from toolkit_recsys.stand_in import stand_in


def interactions(
    file: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    user: str = "user_id",
    item: str = "item_id",
    value: str | None = None,
    time: str | None = None,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    users: str | None = None,
    items: str | None = None,
    title: str | None = None,
    user_features: Mapping[str, Sequence[str] | Mapping[str, str]] | None = None,
    item_features: Mapping[str, Sequence[str] | Mapping[str, str]] | None = None,
    min_value: float | None = None,
    min_per_user: int = 1,
    min_per_item: int = 1,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
) -> Splits:
    r"""Who had to do with which items, from tables: CSV, TSV, Parquet or RecBole's atomic files, by names of columns.

    Either one `file` that `split` divides, or `train` with `val` and `test` where there are such, as RecBole's
    `x.train.inter`, `x.valid.inter`, `x.test.inter` or a published split. What the files may be, and what is wrong with
    one, see `toolkit_recsys.columns.read_columns`.

    Where a user has an item more than once, the latest row stays. Then those below `min_value` are left out, then users
    and items with too few of what is left, again and again, until all have enough (the k-core). Notes count all that.
    With `train` a pair stays in the first split that has it.

    ``train`` are pairs, users ``(n,)`` and items ``(n,)`` int64, numbers from 0; with `sequences` instead each user's
    items to train on in order of time, in pieces of ``sequences + 1`` of which each begins with the item that the one
    before it ends with, int64 ``(pieces, sequences + 1)``, padded at the left with ``num_items``. ``val`` and ``test``
    are users ``(m,)`` int64, each once, and the items to be found, int64 ``(m, most)``, padded with -1.

    Facts: `num_users`, `num_items`.

    Has `interactions.stand_in(seed, sequences)`, a few users who chose items by chance.

    Arguments:
        file: a table of all interactions.
        train: a table of those to train on.
        val: of those to validate on.
        test: of those to test on.
        user: the column of users, numbers or texts.
        item: the column of items.
        value: the column of ratings or counts; `rating` where there is such a column and this is left out.
        time: the column of times, numbers or dates; `timestamp` where there is such a column and this is left out.
        columns: the names of all columns of a file of text without a first line that names them.
        separator: between fields, where it is not what the file's name says.
        encoding: of files of text, as Python calls it.
        users: a table of the users, with a row and features for each; its column of ids is called like `user`.
        items: a table of the items, with titles for predictions or features; its column of ids is called like `item`.
        title: the column of titles there; `title` when left out, unless there are `item_features`.
        user_features: names of columns of `users` by what they are, as in `click_table`, for models that look at
            features (`two_tower`): `{categorical: [country], numerical: [age], multi: {hobbies: "|"}}`.
        item_features: the same of `items`.
        min_value: ratings or counts below are no interactions.
        min_per_user: users with fewer interactions are left out.
        min_per_item: items with fewer are left out.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is no such table, lacks times that the split goes by, or nothing is left to train on. The
            message begins with the file, and the line where there is one.
    """
    schema = Schema(user, item, value, time, columns, separator, encoding)
    files = {"train": train, "val": val, "test": test}
    given = {name: path for name, path in files.items() if path is not None}
    if (file is None) == (train is None) or (file is not None and given):
        beside = f"; {' and '.join(given)} given" if given else ""
        raise ValueError(f"give either file, or train with val and test where there are such{beside}")
    titles = None
    if items is not None and (title is not None or item_features is None):
        titles = read_titles(items, item, title or "title", encoding=encoding)
    described: dict[Whose, Described] = {}
    if users is not None and user_features is None:
        raise ValueError("users is given without user_features, which name its columns")
    tables = ((users, user, user_features), (items, item, item_features))
    for whose, (path, key, wanted) in zip(WHOSE, tables, strict=True):
        if wanted is not None:
            if path is None:
                raise ValueError(f"{whose}_features names columns of a table: name it in {whose}s")
            described[whose] = Described.of_file(path, key, wanted, f"{whose}_features")
    if file is not None:
        return divided(
            schema.read(file),
            titles,
            min_value=min_value,
            min_per_user=min_per_user,
            min_per_item=min_per_item,
            split=split,
            sequences=sequences,
            described=described,
        )
    if split is not None or (min_per_user, min_per_item) != (1, 1):
        named = "split" if split is not None else "min_per_user or min_per_item"
        raise ValueError(f"{named} is given with train: files that are divided already stay as they are")
    log, parts = joined({name: liked(schema.read(path), min_value) for name, path in given.items()})
    return recommendation_splits(renumbered(log), parts, titles, sequences, described)


# An attribute of the function: the toolkit looks for `stand_in` on whatever a recipe names as its dataset.
interactions.stand_in = stand_in  # type: ignore[attr-defined]
