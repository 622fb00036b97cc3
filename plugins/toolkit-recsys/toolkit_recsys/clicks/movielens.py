"""MovieLens-100k as clicks and as ratings, with the features of users and films. Imports torch and pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.data import Splits
from toolkit_recsys.clicks.dataset import click_splits, divided, of_files, stand_in
from toolkit_recsys.clicks.division import Division
from toolkit_recsys.clicks.learning import Asked, Part
from toolkit_recsys.clicks.row_reader import RowReader
from toolkit_recsys.clicks.tables import Table, TableInMemory, open_table
from toolkit_recsys.movielens import ML_100K, downloaded
from toolkit_recsys.movielens_features import FILES, OF_FILMS, OF_USERS, PUBLISHED, SEVERAL, tables

SPLIT_FILES = {"train": "ml-100k.train.inter", "val": "ml-100k.valid.inter", "test": "ml-100k.test.inter"}
IDS = ("user_id", "item_id")


def movielens_100k_clicks(
    root: str | None = None,
    threshold: float = 4.0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """MovieLens-100k (Harper and Konstan 2015): whether a user gives a film 4 stars or more. 100,000 ratings.

    Features are user, film, age, gender, occupation, zip code, year, and of several values the words of the title and
    the genres. Of the ratings of each user a random tenth is validated on and a tenth tested on, as RecBole divides
    them. Where the folder holds `ml-100k.train.inter`, `ml-100k.valid.inter` and `ml-100k.test.inter`, which RecBole
    calls benchmark files, these are the splits. Batches and facts are those of `click_table`.

    GroupLens lets anybody use the data for research, and nobody pass it on. Has `movielens_100k_clicks.stand_in(seed)`.

    Arguments:
        root: folder of `u.data`, `u.user` and `u.item`, or of `ml-100k.inter`, `ml-100k.user` and `ml-100k.item` as
            RecBole has them; downloaded (5 MB) when None.
        threshold: from which rating on it is a click.
        val_share: which share of a user's ratings to validate on.
        test_share: which share to test on.
        split_seed: which ones.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    folder = _folder(root)
    asked = _asked((*IDS, *OF_USERS, *OF_FILMS), SEVERAL, threshold, "click")
    if all((folder / name).is_file() for name in SPLIT_FILES.values()):
        ratings = {split: open_table(folder / name) for split, name in SPLIT_FILES.items()}
        parts = of_files({split: _joined(table, folder) for split, table in ratings.items()})
    else:
        table = _joined(_ratings(folder), folder)
        ways = {"val_share": val_share, "test_share": test_share, "seed": split_seed}
        parts = [Part(table, _division(table, group="user_id", **ways))]
    return click_splits(parts, asked, False, run_files)


def movielens_100k_ratings(
    root: str | None = None,
    fold: int = 0,
    folds: int = 5,
    val_share: float = 0.0,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """MovieLens-100k (Harper and Konstan 2015): which of 1 to 5 stars a user gives a film. 100,000 ratings.

    Features are user and film. One of `folds` random parts is tested on. Batches and facts are those of `click_table`
    with `kind: number`.

    GroupLens lets anybody use the data for research, and nobody pass it on. Has
    `movielens_100k_ratings.stand_in(seed)`.

    Arguments:
        root: folder of `u.data`, `u.user` and `u.item`, or of `ml-100k.inter`, `ml-100k.user` and `ml-100k.item` as
            RecBole has them; downloaded (5 MB) when None.
        fold: which part is tested on.
        folds: how many parts there are.
        val_share: which share of the other parts to validate on.
        split_seed: which parts.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    table = _ratings(_folder(root))
    division = _division(table, fold=fold, folds=folds, val_share=val_share, seed=split_seed)
    return click_splits([Part(table, division)], _asked(IDS, {}, None, "number"), False, run_files)


def _division(table: Any, **wanted: Any) -> Division:
    ways: dict[str, Any] = {"split": None, "time": None, "group": None, "fold": None, "folds": 5, "test_share": 0.0}
    return divided(table, **{**ways, **wanted})


def _asked(
    categorical: Sequence[str], multi: Mapping[str, str], threshold: float | None, kind: Literal["click", "number"]
) -> Asked:
    return Asked("rating", categorical, (), multi, threshold, kind, (), {}, min_count=1, longest=16)


def _folder(root: str | None) -> Path:
    """The folder of the files."""
    folder = downloaded(ML_100K) if root is None else Path(root).expanduser()
    for inside in (folder, folder / "ml-100k"):
        if (inside / PUBLISHED[0]).is_file() or (inside / FILES[1]).is_file():
            return inside
    raise FileNotFoundError(
        f"root={str(folder)!r} holds neither {', '.join(PUBLISHED)} nor {', '.join(FILES)}; put what ml-100k.zip holds "
        "there, or leave root out to download it"
    )


def _ratings(folder: Path) -> Table:
    if (folder / FILES[0]).is_file():
        return open_table(folder / FILES[0])
    return open_table(folder / PUBLISHED[0], ("user_id", "item_id", "rating", "timestamp"), "\t")


def _joined(ratings: Table, folder: Path) -> TableInMemory:
    """Ratings with the features of their users and films."""
    held = pa.Table.from_batches(ratings.pieces(["user_id", "item_id", "rating"]))
    for key, known in tables(folder).items():
        features = known.held
        rows = pc.index_in(held[key], features[key].combine_chunks())
        for name in features.column_names:
            if name != key:
                held = held.append_column(name, features[name].take(rows))
    return TableInMemory(held.combine_chunks(), ratings.path, ratings)


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
movielens_100k_clicks.stand_in = lambda seed: stand_in(seed, 7, 0, 2)  # type: ignore[attr-defined]
movielens_100k_clicks.reader = RowReader  # type: ignore[attr-defined]
movielens_100k_ratings.stand_in = lambda seed: stand_in(seed, 2, 0, 0, None)  # type: ignore[attr-defined]
movielens_100k_ratings.reader = RowReader  # type: ignore[attr-defined]
