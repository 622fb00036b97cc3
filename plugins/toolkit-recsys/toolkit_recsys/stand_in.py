"""A few interactions in place of a dataset that is not on this machine. Imports torch."""

from __future__ import annotations

import torch

from toolkit.data import Splits
from toolkit_recsys.divided import recommendation_splits
from toolkit_recsys.log import Log
from toolkit_recsys.protocols import RandomRatio

USERS, ITEMS, EACH = 24, 60, 12


def stand_in(seed: int, sequences: int | None = None) -> Splits:
    """24 users who chose 12 of 60 items each by chance, in the shapes of a dataset of interactions.

    Arguments:
        seed: which ones.
        sequences: as the recipe has it.
    """
    generator = torch.Generator().manual_seed(seed)
    items = torch.rand(USERS, ITEMS, generator=generator).argsort(1)[:, :EACH].flatten().numpy()
    times = torch.arange(EACH, dtype=torch.float64).repeat(USERS).numpy()
    users = torch.arange(USERS).repeat_interleave(EACH).numpy()
    ids = [f"{number}" for number in range(ITEMS)]
    log = Log(users, items, ids[:USERS], ids, "stand-in", times)
    titles = {name: f"Item {name}" for name in ids}
    return recommendation_splits(log, RandomRatio(seed=seed).divide(log), titles, sequences)
