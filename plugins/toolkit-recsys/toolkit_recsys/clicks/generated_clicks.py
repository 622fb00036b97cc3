"""Clicks in a world whose laws are known: what a recipe can be tried on without any data. Imports torch."""

from __future__ import annotations

import torch

from toolkit.data import Splits
from toolkit_recsys.clicks.generated import FIELDS, NUMERICAL, TAGS, TAGS_OF_ITEM, Rows, World, best_possible
from toolkit_recsys.clicks.row_reader import RowReader
from toolkit_recsys.clicks.schema import SCHEMA_FILE, Field, Numerical, Schema


def generated_clicks(
    rows: int = 100_000,
    users: int = 300,
    items: int = 200,
    width: int = 4,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
) -> Splits:
    """Clicks drawn from known probabilities: nothing of it is real, and how well a model can do at best is known.

    Five fields of categories (user, item, device, country, hour), one of several values (the tags of the item) and two
    numbers (age and price of the item). The world is described at `toolkit_recsys.clicks.generated.World`; users and
    items act upon each other through latent vectors.

    Batches are those of `click_table`. Facts: its own, and `generated_clicks_best`: `auroc` and `log_loss` that the
    true probabilities reach on each of the splits.

    Arguments:
        rows: in all splits together.
        users: how many there are.
        items: how many there are.
        width: length of the latent vectors.
        val_share: which share to validate on.
        test_share: which share to test on.
        seed: of the world, and of what is drawn in it.

    Raises:
        ValueError: there are too few rows for splits of such shares.
    """
    counts = {"val": int(rows * val_share), "test": int(rows * test_share)}
    counts["train"] = rows - sum(counts.values())
    if min(users, items, width) < 1 or min(counts.values()) < 2:
        raise ValueError(f"rows={rows}, val_share={val_share}, test_share={test_share}: a split of fewer than two rows")
    world = World(users, items, width, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    drawn = {name: world.draw(counts[name], generator) for name in ("train", "val", "test")}

    def field(name: str, size: int, separator: str | None = None) -> Field:
        return Field(name, [str(number) for number in range(size)], 0, separator)

    schema = Schema(
        [field(name, world.sizes[name]) for name in FIELDS],
        [Numerical(name) for name in NUMERICAL],
        [field("tags", TAGS, " ")],
        longest=TAGS_OF_ITEM,
        target_mean=float(drawn["train"].clicks.mean()),
    )
    best = {name: best_possible(each) for name, each in drawn.items()}
    return Splits(
        _split(drawn["train"]),
        _split(drawn["val"]),
        _split(drawn["test"]),
        facts={**schema.facts, "generated_clicks_best": best},
        run_files={SCHEMA_FILE: schema.to_bytes()},
    )


def _split(rows: Rows) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    # Number 0 of a field is the unknown value, which does not come up here.
    multi = torch.where(rows.multi < 0, rows.multi, rows.multi + 1)
    return {"categorical": rows.categorical + 1, "numerical": rows.numerical, "multi": multi}, rows.clicks


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
generated_clicks.reader = RowReader  # type: ignore[attr-defined]
