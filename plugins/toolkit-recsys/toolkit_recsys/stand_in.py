"""A few interactions in place of a dataset that is not on this machine. Imports torch and pyarrow."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import torch

from toolkit.data import Splits
from toolkit_recsys.clicks.tables import TableInMemory
from toolkit_recsys.divided import recommendation_splits
from toolkit_recsys.log import Log
from toolkit_recsys.protocols import RandomRatio
from toolkit_recsys.side_features import WHOSE, Described, Whose, asked_of

USERS, ITEMS, EACH = 24, 60, 12


def stand_in(seed: int, sequences: int | None = None, features: bool = False) -> Splits:
    """24 users who chose 12 of 60 items each by chance, in the shapes of a dataset of interactions.

    Arguments:
        seed: which ones.
        sequences: as the recipe has it.
        features: likewise; users and items then have one category each.
    """
    generator = torch.Generator().manual_seed(seed)
    items = torch.rand(USERS, ITEMS, generator=generator).argsort(1)[:, :EACH].flatten().numpy()
    times = torch.arange(EACH, dtype=torch.float64).repeat(USERS).numpy()
    users = torch.arange(USERS).repeat_interleave(EACH).numpy()
    ids = [f"{number}" for number in range(ITEMS)]
    log = Log(users, items, ids[:USERS], ids, "stand-in", times)
    titles = {name: f"Item {name}" for name in ids}
    described: dict[Whose, Described] = {}
    if features:
        for whose, names in zip(WHOSE, (ids[:USERS], ids), strict=True):
            table = pa.table({"id": names, "kind": [f"{number % 5}" for number in range(len(names))]})
            asked = asked_of({"categorical": ["kind"]}, "id", f"{whose}_features")
            described[whose] = Described(table, asked, TableInMemory(table, Path("stand-in")))
    return recommendation_splits(log, RandomRatio(seed=seed).divide(log), titles, sequences, described)
