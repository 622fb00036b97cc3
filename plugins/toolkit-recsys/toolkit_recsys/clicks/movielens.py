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
from toolkit_recsys.clicks.tables import TableInMemory, open_table

FILES = ("ml-100k.inter", "ml-100k.user", "ml-100k.item")
SPLIT_FILES = {"train": "ml-100k.train.inter", "val": "ml-100k.valid.inter", "test": "ml-100k.test.inter"}
CATEGORICAL = ("user_id", "item_id", "age", "gender", "occupation", "zip_code", "release_year")
MULTI = {"movie_title": " ", "class": " "}


def movielens_100k_clicks(
    root: str,
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

    The files are not shipped: their terms allow research, and no redistribution. Without `root` there is only
    `movielens_100k_clicks.stand_in(seed)`.

    Arguments:
        root: folder of `ml-100k.inter`, `ml-100k.user` and `ml-100k.item`, RecBole's atomic files.
        threshold: from which rating on it is a click.
        val_share: which share of a user's ratings to validate on.
        test_share: which share to test on.
        split_seed: which ones.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    folder = Path(root).expanduser()
    asked = _asked(CATEGORICAL, MULTI, threshold, "click")
    if all((folder / name).is_file() for name in SPLIT_FILES.values()):
        parts = of_files({split: _joined(folder, name) for split, name in SPLIT_FILES.items()})
    else:
        table = _joined(folder, FILES[0])
        ways = {"val_share": val_share, "test_share": test_share, "seed": split_seed}
        parts = [Part(table, _division(table, group="user_id", **ways))]
    return click_splits(parts, asked, False, run_files)


def movielens_100k_ratings(
    root: str,
    fold: int = 0,
    folds: int = 5,
    val_share: float = 0.0,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """MovieLens-100k (Harper and Konstan 2015): which of 1 to 5 stars a user gives a film. 100,000 ratings.

    Features are user and film. One of `folds` random parts is tested on. Batches and facts are those of `click_table`
    with `kind: number`.

    Arguments:
        root: folder of `ml-100k.inter`, `ml-100k.user` and `ml-100k.item`, RecBole's atomic files.
        fold: which part is tested on.
        folds: how many parts there are.
        val_share: which share of the other parts to validate on.
        split_seed: which parts.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    table = open_table(Path(root).expanduser() / FILES[0])
    division = _division(table, fold=fold, folds=folds, val_share=val_share, seed=split_seed)
    return click_splits([Part(table, division)], _asked(CATEGORICAL[:2], {}, None, "number"), False, run_files)


def _division(table: Any, **wanted: Any) -> Division:
    ways: dict[str, Any] = {"split": None, "time": None, "group": None, "fold": None, "folds": 5, "test_share": 0.0}
    return divided(table, **{**ways, **wanted})


def _asked(
    categorical: Sequence[str], multi: Mapping[str, str], threshold: float | None, kind: Literal["click", "number"]
) -> Asked:
    return Asked("rating", categorical, (), multi, threshold, kind, (), {}, min_count=1, longest=16)


def _joined(root: Path, file: str) -> TableInMemory:
    """Every rating of a file with the features of its user and its film."""
    ratings, users, films = (open_table(root / name) for name in (file, *FILES[1:]))
    held = pa.Table.from_batches(ratings.pieces(["user_id", "item_id", "rating"]))
    for table, key in ((users, "user_id"), (films, "item_id")):
        features = pa.Table.from_batches(table.pieces(table.names))
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
