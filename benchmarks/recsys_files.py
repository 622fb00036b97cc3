"""The files that both sides of `benchmarks.recsys` read. Imports NumPy and toolkit-recsys."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
from toolkit_recsys.protocols import TEST, TRAIN, VAL, RandomRatio
from toolkit_recsys.reading import Schema

NAME = "ml-100k"
"""Of the data and of its files."""
COPY = "divided"
"""The same files once more: RecBole reads a set of its own where it is asked for one called ml-100k."""
ORDERED = "ordered"
SUFFIXES = {"train": TRAIN, "valid": VAL, "test": TEST}
"""RecBole's names of the splits."""


def write_files(data: Path, folder: Path) -> None:
    """Divide the data once, so that both sides read the same splits.

    Below `folder`, `ml-100k/` has the ratings of each user divided 8:1:1 by chance, as `ml-100k.train.inter` and so on,
    and the features of users and films, and `divided/` the same under that name. `ordered/` has all ratings in one
    file, in which times are replaced by their places in the order of each user, so that equal times are in one order on
    both sides.

    Arguments:
        data: has `ml-100k.inter`, `ml-100k.user` and `ml-100k.item`.
        folder: is made here.
    """
    log = Schema().read(data / f"{NAME}.inter")
    assert log.values is not None
    assert log.times is not None
    parts = RandomRatio(val=0.1, test=0.1, by="user", seed=0).divide(log)
    for name in (NAME, COPY, ORDERED):
        (folder / name).mkdir(parents=True)
    for suffix in ("user", "item"):
        shutil.copy(data / f"{NAME}.{suffix}", folder / NAME)
    rows = [
        f"{log.user_ids[user]}\t{log.item_ids[item]}\t{value:g}"
        for user, item, value in zip(log.users.tolist(), log.items.tolist(), log.values.tolist(), strict=True)
    ]
    header = "user_id:token\titem_id:token\trating:float"
    for name, part in SUFFIXES.items():
        chosen = [rows[row] for row in np.flatnonzero(parts == part).tolist()]
        _write(folder / NAME / f"{NAME}.{name}.inter", header, chosen)
    for path in sorted((folder / NAME).iterdir()):
        shutil.copy(path, folder / COPY / path.name.replace(NAME, COPY))
    order = np.lexsort((np.arange(len(log)), log.times, log.users)).tolist()
    numbered = [f"{rows[row]}\t{place}" for place, row in enumerate(order)]
    _write(folder / ORDERED / f"{ORDERED}.inter", f"{header}\ttimestamp:float", numbered)


def write_made_up(folder: Path) -> None:
    """A few ratings by chance in the shape of ml-100k, to see that everything works."""
    drawn = random.Random(0)
    folder.mkdir(parents=True)
    users, items = range(1, 41), range(1, 61)
    rows = [
        f"{user}\t{item}\t{drawn.randint(1, 5)}\t{drawn.randint(10**8, 10**9)}"
        for user in users
        for item in drawn.sample(items, 20)
    ]
    _write(folder / f"{NAME}.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float", rows)
    header = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"
    _write(folder / f"{NAME}.user", header, [f"{user}\t{20 + user % 9}\tF\tnone\t{user % 7}" for user in users])
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    _write(
        folder / f"{NAME}.item", header, [f"{item}\tThe Film {item}\t{1990 + item % 9}\tDrama War" for item in items]
    )


def _write(file: Path, header: str, rows: list[str]) -> None:
    file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
