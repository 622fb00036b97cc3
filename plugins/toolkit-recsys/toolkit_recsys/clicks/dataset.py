"""From tables and what is asked of them to splits. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from toolkit.data import Splits
from toolkit_recsys.clicks.division import (
    TEST,
    TRAIN,
    VAL,
    ByColumn,
    ByTime,
    Division,
    Fold,
    InGroups,
    Random,
    Shares,
    Whole,
)
from toolkit_recsys.clicks.learning import Asked, Part, learn
from toolkit_recsys.clicks.schema import SCHEMA_FILE
from toolkit_recsys.clicks.stored import in_memory, on_disk
from toolkit_recsys.clicks.tables import Table

LARGE = 256 * 1024 * 1024
"""Bytes of files from which on tables stay on the disk where nothing is said."""


def divided(
    table: Table,
    *,
    split: str | None,
    time: str | None,
    group: str | None,
    fold: int | None,
    folds: int,
    val_share: float,
    test_share: float,
    seed: int,
) -> Division:
    """How the rows of one table are divided: by a column, by time, in groups, in folds, or at random.

    Raises:
        ValueError: two of them are wanted, or shares cannot be.
    """
    ways = {"split": split, "time": time, "group": group, "fold": fold}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are given: each is a way to divide the rows, and one is taken")
    if split is not None:
        return ByColumn(split)
    if fold is not None:
        return Fold(fold, folds, val_share, seed)
    shares = Shares(val_share, test_share)
    if time is not None:
        return ByTime.of_table(table, time, shares)
    if group is not None:
        return InGroups.of_table(table, group, shares, seed)
    return Random(shares, seed)


def of_files(tables: Mapping[str, Table]) -> list[Part]:
    """Tables that are a split each, by its name."""
    numbers = {"train": TRAIN, "val": VAL, "test": TEST}
    return [Part(table, Whole(numbers[name])) for name, table in tables.items()]


def click_splits(
    parts: Sequence[Part], asked: Asked, stays: bool | None, run_files: Mapping[str, bytes] | None
) -> Splits:
    """Splits of tables.

    Args:
        parts: the tables, and how they are divided.
        asked: what is wanted of their columns.
        stays: whether rows stay on the disk; by the size of the files when None.
        run_files: what the run has kept; None in a new one.

    Raises:
        ValueError: see `toolkit_recsys.clicks.learning.learn`.
    """
    kept = (run_files or {}).get(SCHEMA_FILE)
    if stays is None:
        stays = sum(part.table.path.stat().st_size for part in parts) > LARGE
    if stays:
        stored = on_disk(parts, asked, kept)
    else:
        stored = in_memory(parts, asked, learn(parts, asked).keeping(kept, parts[0].table.path))
    return Splits(
        stored.splits.get("train"),
        stored.splits.get("val"),
        stored.splits.get("test"),
        facts=stored.schema.facts,
        run_files={SCHEMA_FILE: stored.schema.to_bytes()},
    )


def stand_in(seed: int, fields: int = 4, numerical: int = 2, multi: int = 1, task: str | None = "binary") -> Splits:
    """A few rows of random features in place of a table that is not on this machine."""
    generator = torch.Generator().manual_seed(seed)

    def rows(count: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        inputs = {
            "categorical": torch.randint(0, 10, (count, fields), generator=generator),
            "numerical": torch.randn(count, numerical, generator=generator),
            "multi": torch.randint(-1, 10, (count, multi, 3), generator=generator),
        }
        targets = torch.arange(count) % 2 if task == "binary" else torch.randint(1, 6, (count,), generator=generator)
        return {name: part for name, part in inputs.items() if part.shape[1]}, targets.float()

    facts = {
        "task": task,
        "field_sizes": [10] * fields,
        "num_numerical": numerical,
        "multi_sizes": [10] * multi,
        "target_mean": 0.5 if task == "binary" else 3.0,
    }
    return Splits(rows(32), rows(16), rows(16), facts=facts)
