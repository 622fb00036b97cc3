"""MovieLens, from a folder or downloaded. Imports torch and pyarrow; the downloader when something is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.data import Splits
from toolkit_recsys.divided import divided
from toolkit_recsys.log import Log
from toolkit_recsys.movielens_features import described
from toolkit_recsys.protocols import SplitProtocol
from toolkit_recsys.reading import Schema, read_titles
from toolkit_recsys.side_features import Described, Whose
from toolkit_recsys.stand_in import stand_in

HOME = "https://files.grouplens.org/datasets/movielens"


@dataclass(frozen=True)
class Release:
    """One of the sets, as its archive has it."""

    name: str
    """Of the archive, and of the folder in it."""
    sha256: str | None
    """None where the archive changes."""
    ratings: str
    schema: Schema
    movies: str
    titles: Mapping[str, str | list[str]]
    """Arguments of `read_titles`."""


ML_100K = Release(
    "ml-100k",
    "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    "u.data",
    Schema("user", "item", "rating", "timestamp", ["user", "item", "rating", "timestamp"], "\t"),
    "u.item",
    {
        "item": "item",
        "title": "title",
        "names": ["item", "title", *(f"column {number}" for number in range(3, 25))],
        "separator": "|",
        "encoding": "latin-1",
    },
)
ML_1M = Release(
    "ml-1m",
    "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    "ratings.dat",
    Schema("user", "item", "rating", "timestamp", ["user", "item", "rating", "timestamp"], "::"),
    "movies.dat",
    {"item": "item", "title": "title", "names": ["item", "title", "genres"], "separator": "::", "encoding": "latin-1"},
)
_CSV = ("ratings.csv", Schema("userId", "movieId", "rating", "timestamp"), "movies.csv")
_TITLES: Mapping[str, str | list[str]] = {"item": "movieId", "title": "title"}
ML_LATEST_SMALL = Release(
    "ml-latest-small", "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436", *_CSV, _TITLES
)
ML_LATEST = Release("ml-latest", None, *_CSV, _TITLES)


def movielens_100k(
    root: str | None = None,
    min_value: float | None = None,
    min_per_user: int = 1,
    min_per_item: int = 1,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
    features: bool = False,
) -> Splits:
    """MovieLens 100K (Harper and Konstan, 2015): 100,000 ratings of 1682 films by 943 people, who rated 20 at least.

    Splits, facts and what is left out are those of `interactions`; every rating is an interaction unless `min_value`
    says otherwise. GroupLens lets anybody use the data for research, and nobody pass it on.

    Has `movielens_100k.stand_in(seed, sequences, features)`.

    Arguments:
        root: folder with `u.data` and `u.item`, or `ml-100k.inter` and `ml-100k.item` as RecBole has them; downloaded
            (5 MB) when None.
        min_value: ratings below, from 1 to 5 stars, are no interactions.
        min_per_user: users with fewer interactions are left out.
        min_per_item: items with fewer are left out.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.
        features: whether age, gender, occupation and zip code of users, and year, genres and words of the title of
            films are given to models that look at features (`two_tower`); from `u.user` or `ml-100k.user` too.

    Raises:
        FileNotFoundError: `root` does not hold these files.
        ValueError: a file is damaged, or nothing is left to train on.
    """
    log, titles, folder = _read(ML_100K, root)
    tables = described(folder) if features else None
    return _divided(log, titles, min_value, min_per_user, min_per_item, split, sequences, tables)


def movielens_1m(
    root: str | None = None,
    min_value: float | None = None,
    min_per_user: int = 1,
    min_per_item: int = 1,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
) -> Splits:
    """MovieLens 1M (Harper and Konstan, 2015): 1,000,209 ratings of 3706 films by 6040 people, who rated 20 at least.

    Splits, facts and what is left out are those of `interactions`; every rating is an interaction unless `min_value`
    says otherwise. GroupLens lets anybody use the data for research, and nobody pass it on.

    Has `movielens_1m.stand_in(seed, sequences)`.

    Arguments:
        root: folder with `ratings.dat` and `movies.dat`, or `ml-1m.inter` and `ml-1m.item` as RecBole has them;
            downloaded (6 MB) when None.
        min_value: ratings below, from 1 to 5 stars, are no interactions.
        min_per_user: users with fewer interactions are left out.
        min_per_item: items with fewer are left out.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.

    Raises:
        FileNotFoundError: `root` does not hold these files.
        ValueError: a file is damaged, or nothing is left to train on.
    """
    log, titles, _ = _read(ML_1M, root)
    return _divided(log, titles, min_value, min_per_user, min_per_item, split, sequences)


def movielens_latest(
    root: str | None = None,
    size: Literal["small", "full"] = "small",
    min_value: float | None = None,
    min_per_user: int = 1,
    min_per_item: int = 1,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
) -> Splits:
    """The latest of MovieLens (Harper and Konstan, 2015): small, 100,836 ratings of 9724 films by 610 people, or full.

    GroupLens replaces these sets from time to time: results on them can be compared with those on the same files alone.
    The small one is of 2018 and has a checksum. The full one (33 million ratings in 2023) has none that would last, so
    it is read from `root` only; so can be any of its layout, such as `ml-20m`, `ml-25m` and `ml-32m`.

    Splits, facts and what is left out are those of `interactions`; every rating is an interaction unless `min_value`
    says otherwise. GroupLens lets anybody use the data for research, and nobody pass it on.

    Has `movielens_latest.stand_in(seed, sequences)`.

    Arguments:
        root: folder with `ratings.csv` and `movies.csv`; the small set is downloaded (1 MB) when None.
        size: which one, where `root` is left out or holds folders of both.
        min_value: ratings below, from half a star to 5, are no interactions.
        min_per_user: users with fewer interactions are left out.
        min_per_item: items with fewer are left out.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.

    Raises:
        FileNotFoundError: `root` does not hold these files, or is left out for the full set.
        ValueError: a file is damaged, or nothing is left to train on.
    """
    log, titles, _ = _read(ML_LATEST if size == "full" else ML_LATEST_SMALL, root)
    return _divided(log, titles, min_value, min_per_user, min_per_item, split, sequences)


def _divided(
    log: Log,
    titles: Mapping[str, str],
    min_value: float | None,
    min_per_user: int,
    min_per_item: int,
    split: SplitProtocol | None,
    sequences: int | None,
    tables: Mapping[Whose, Described] | None = None,
) -> Splits:
    return divided(
        log,
        titles,
        min_value=min_value,
        min_per_user=min_per_user,
        min_per_item=min_per_item,
        split=split,
        sequences=sequences,
        described=tables,
    )


def _read(release: Release, root: str | None) -> tuple[Log, Mapping[str, str], Path]:
    """The ratings, the titles of films by their ids, and the folder that they are from."""
    folder = downloaded(release) if root is None else Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"root={str(folder)!r} is not a folder; name one{_or_else(release)}")
    atomic = f"{release.name}.inter", f"{release.name}.item"
    for inside in (folder, folder / release.name):
        if (inside / release.ratings).is_file():
            titles = read_titles(inside / release.movies, **release.titles)  # type: ignore[arg-type]
            return release.schema.read(inside / release.ratings), titles, inside
        if (inside / atomic[0]).is_file():
            titles = read_titles(inside / atomic[1], "item_id", "movie_title")
            return Schema().read(inside / atomic[0]), titles, inside
    raise FileNotFoundError(
        f"root={str(folder)!r} holds neither {release.ratings} and {release.movies} nor {' and '.join(atomic)}; put "
        f"what {release.name}.zip holds there{_or_else(release)}"
    )


def _or_else(release: Release) -> str:
    return "" if release.sha256 is None else f", or leave root out to download {release.name}"


def downloaded(release: Release) -> Path:
    """The folder of what a release's archive holds; downloaded where it is not in the cache.

    Raises:
        FileNotFoundError: it has no checksum, and has to be downloaded by hand.
    """
    from toolkit.data import fetch, unpack

    if release.sha256 is None:
        raise FileNotFoundError(
            f"{release.name} changes from time to time and has no checksum: download {HOME}/{release.name}.zip, unpack "
            "it and name the folder in root"
        )
    archive = fetch(f"{HOME}/{release.name}.zip", release.sha256, f"movielens/{release.name}.zip")
    return unpack(archive, archive.with_suffix(""))


# Attributes of the functions: the toolkit looks for `stand_in` on whatever a recipe names as its dataset.
movielens_100k.stand_in = stand_in  # type: ignore[attr-defined]
movielens_1m.stand_in = stand_in  # type: ignore[attr-defined]
movielens_latest.stand_in = stand_in  # type: ignore[attr-defined]
