"""The features of MovieLens-100k's users and films, as GroupLens and as RecBole have them. Imports pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from toolkit_recsys.clicks.tables import TableInMemory, open_table
from toolkit_recsys.side_features import Described, Wanted, Whose, asked_of

FILES = ("ml-100k.inter", "ml-100k.user", "ml-100k.item")
"""RecBole's, of ratings, users and films."""
PUBLISHED = ("u.data", "u.user", "u.item")
"""As GroupLens has them."""
GENRES = (
    *(
        "unknown",
        "Action",
        "Adventure",
        "Animation",
        "Children's",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Fantasy",
    ),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""Of the last columns of `u.item`."""
OF_USERS = ("age", "gender", "occupation", "zip_code")
OF_FILMS = ("release_year",)
SEVERAL = {"movie_title": " ", "class": " "}
"""Of films, too: the words of the title, and genres; what separates them."""


def tables(folder: Path) -> dict[str, TableInMemory]:
    """The features of users and of films, by the column that names them.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    if (folder / FILES[1]).is_file():
        users, films = (open_table(folder / name) for name in FILES[1:])
        held = TableInMemory(pa.Table.from_batches(films.pieces(films.names)), films.path, films)
    else:
        users = open_table(folder / PUBLISHED[1], ("user_id", *OF_USERS), "|")
        held = _films(folder / PUBLISHED[2])
    return {
        "user_id": TableInMemory(pa.Table.from_batches(users.pieces(users.names)), users.path, users),
        "item_id": held,
    }


def described(folder: Path) -> dict[Whose, Described]:
    """The same for recommenders."""
    found = tables(folder)
    wanted: Mapping[Whose, Wanted] = {
        "user": {"categorical": OF_USERS},
        "item": {"categorical": OF_FILMS, "multi": SEVERAL},
    }
    return {
        whose: Described(found[key].held, asked_of(columns, key, f"{whose}_features"), found[key])
        for (whose, columns), key in zip(wanted.items(), ("user_id", "item_id"), strict=True)
    }


def _films(file: Path) -> TableInMemory:
    """`u.item`: number, title with its year, date of release, two columns that are left out, and a flag for each genre.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is none of these.
    """
    columns: dict[str, list[str]] = {"item_id": [], "movie_title": [], "release_year": [], "class": []}
    for line, text in enumerate(file.read_text(encoding="latin-1").splitlines(), 1):
        fields = text.split("|")
        if len(fields) != 5 + len(GENRES):
            raise ValueError(
                f"{file}:{line}: {len(fields)} fields in this line, and there are {5 + len(GENRES)} columns"
            )
        genres = [name for name, flag in zip(GENRES, fields[5:], strict=True) if flag == "1"]
        film = (fields[0], fields[1].rpartition(" (")[0] or fields[1], fields[2][-4:], " ".join(genres))
        for values, value in zip(columns.values(), film, strict=True):
            values.append(value)
    return TableInMemory(pa.table(columns), file)
