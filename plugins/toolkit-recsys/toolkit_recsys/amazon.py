"""Ratings of products at Amazon, from a folder. Imports torch and pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from toolkit.data import Splits
from toolkit_recsys.divided import divided
from toolkit_recsys.protocols import SplitProtocol
from toolkit_recsys.reading import Schema
from toolkit_recsys.stand_in import stand_in

SCHEMAS = {
    "2014": Schema("user", "item", "rating", "timestamp", ["user", "item", "rating", "timestamp"]),
    "2018": Schema("user", "item", "rating", "timestamp", ["item", "user", "rating", "timestamp"]),
    "2023": Schema("user_id", "parent_asin", "rating", "timestamp"),
}
"""By release; the first two name no columns, and have them in another order."""


def amazon_reviews(
    root: str | None = None,
    category: str = "All_Beauty",
    release: Literal["2014", "2018", "2023"] = "2023",
    min_value: float | None = None,
    min_per_user: int = 5,
    min_per_item: int = 5,
    split: SplitProtocol | None = None,
    sequences: int | None = None,
) -> Splits:
    """Ratings of the products of one category at Amazon (McAuley et al., 2015; Ni et al., 2019; Hou et al., 2024).

    From the files of ratings alone, without the texts, and therefore without titles. They are published without
    checksums, so they are read from `root` only and never downloaded: `ratings_Beauty.csv` (2014), `All_Beauty.csv`
    (2018) and `All_Beauty.csv.gz` (2023, `0core/rating_only`), for whatever category.

    Splits, facts and what is left out are those of `interactions`. The 5-core is usual.

    Has `amazon_reviews.stand_in(seed, sequences)`.

    Arguments:
        root: folder with the file.
        category: as the file calls it.
        release: which one: the order of its columns differs.
        min_value: ratings below, from 1 to 5 stars, are no interactions.
        min_per_user: users with fewer interactions are left out.
        min_per_item: items with fewer are left out.
        split: a part that divides: `random_ratio` (8:1:1 of each user's when left out), `leave_one_out`, `by_time`.
        sequences: for models of sequences, how many items they look back at.

    Raises:
        FileNotFoundError: `root` does not hold the file.
        ValueError: the file is damaged, or nothing is left to train on.
    """
    name = f"ratings_{category}.csv" if release == "2014" else f"{category}.csv"
    if root is None:
        raise FileNotFoundError(
            f"amazon_reviews has no checksum to download by: download the ratings of {release}, {name} or {name}.gz, "
            "and name their folder in root"
        )
    folder = Path(root).expanduser()
    paths = [folder / name, folder / f"{name}.gz"]
    path = next((each for each in paths if each.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"root={str(folder)!r} holds neither {name} nor {name}.gz, the ratings of {release}")
    return divided(
        SCHEMAS[release].read(path),
        None,
        min_value=min_value,
        min_per_user=min_per_user,
        min_per_item=min_per_item,
        split=split,
        sequences=sequences,
    )


# An attribute of the function: the toolkit looks for `stand_in` on whatever a recipe names as its dataset.
amazon_reviews.stand_in = stand_in  # type: ignore[attr-defined]
