"""From a log of interactions to splits that a recommender learns from and is measured on. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toolkit.data import Splits
from toolkit_recsys.ids import IDS_FILE, Ids
from toolkit_recsys.interactions import INTERACTIONS_FILE, History, Interactions
from toolkit_recsys.log import Log, core, liked, renumbered
from toolkit_recsys.notes import counted, note
from toolkit_recsys.protocols import TEST, TRAIN, VAL, Parts, SplitProtocol, protocol_of
from toolkit_recsys.side_features import SIDE_FEATURES_FILE, Described, Whose, to_bytes

WIDE = 1_000
"""Items of a user to be found, from which on a note tells how much room they take."""


def divided(
    log: Log,
    titles: Mapping[str, str] | None,
    *,
    min_value: float | None,
    min_per_user: int,
    min_per_item: int,
    split: SplitProtocol | None,
    sequences: int | None,
    described: Mapping[Whose, Described] | None = None,
) -> Splits:
    """Splits of a log: the values first, then the numbers of interactions, then the split.

    Arguments:
        log: each pair of a user and an item once.
        titles: of items, by their ids.
        min_value: see `toolkit_recsys.log.liked`.
        min_per_user: see `toolkit_recsys.log.core`.
        min_per_item: see `toolkit_recsys.log.core`.
        split: `random_ratio` when None.
        sequences: see `recommendation_splits`.
        described: see `recommendation_splits`.

    Raises:
        ValueError: nothing is left, or the log lacks what the split goes by.
    """
    left = renumbered(core(liked(log, min_value), min_per_user, min_per_item))
    return recommendation_splits(left, protocol_of(split).divide(left), titles, sequences, described)


def recommendation_splits(
    log: Log,
    parts: Parts,
    titles: Mapping[str, str] | None,
    sequences: int | None,
    described: Mapping[Whose, Described] | None = None,
) -> Splits:
    """The splits of a log that is divided.

    ``train`` are pairs, users ``(n,)`` and items ``(n,)`` int64; with `sequences` instead each user's items to train on
    in order of time, cut into pieces of ``sequences + 1`` from the last one on, int64 ``(pieces, sequences + 1)``,
    padded at the left with ``num_items``. A piece begins with the item that the one before it ends with, so that every
    item but a user's first follows another once. ``val`` and ``test`` are users ``(m,)`` int64, each once, and the
    items to be found, int64 ``(m, most)``, padded with -1; None where there are none.

    Who is not in train is left out of val and test, because nothing is known of them; an item that is not in train
    stays there, because leaving it out would make results look better than they are. Notes count both.

    Facts: `num_users`, `num_items`. The run keeps the interactions of train and val, the ids, and the features.

    Arguments:
        log: each pair of a user and an item once.
        parts: of its rows.
        titles: of items, by their ids.
        sequences: items that a model of sequences looks back at.
        described: what is known of users and items besides.

    Raises:
        ValueError: there is nothing to train on, or a feature that cannot be.
    """
    if sequences is not None and sequences < 1:
        raise ValueError(f"sequences={sequences}: a number of items from 1 up")
    if not (parts == TRAIN).any():
        raise ValueError(f"{log.source}: none of {counted(len(log), 'interaction')} is left to train on")
    log, parts = _without_strangers(log, parts)
    interactions = {part: _interactions(log, parts == part) for part in (TRAIN, VAL, TEST)}
    train, val = interactions[TRAIN], interactions[VAL]
    _tell_of_new_items(log, interactions)
    ids = Ids(log.user_ids, log.item_ids, None if titles is None else _titles(log, titles))
    names: Mapping[Whose, Sequence[str]] = {"user": log.user_ids, "item": log.item_ids}
    features = {whose: each.rows_of(names[whose], whose) for whose, each in (described or {}).items()}
    return Splits(
        train=(train.users(), train.items) if sequences is None else (_sequences(train, sequences, log.source),),
        val=_to_find(val, "val"),
        test=_to_find(interactions[TEST], "test"),
        facts={"num_users": train.num_users, "num_items": train.num_items},
        run_files={
            INTERACTIONS_FILE: History(train, val if len(val) else None).to_bytes(),
            IDS_FILE: ids.to_bytes(),
            **({SIDE_FEATURES_FILE: to_bytes(features)} if features else {}),
        },
    )


def _without_strangers(log: Log, parts: Parts) -> tuple[Log, Parts]:
    """Without those users that train does not have."""
    known = np.zeros(len(log.user_ids), dtype=bool)
    known[log.users[parts == TRAIN]] = True
    rows = known[log.users]
    if rows.all():
        return log, parts
    left_out = log.take(~rows)
    users = counted(len(np.unique(left_out.users)), "user")
    note(f"{log.source}: {users} without an interaction to train on left out, with {len(left_out):,} of val and test")
    return renumbered(log.take(rows)), parts[rows]


def _interactions(log: Log, rows: NDArray[np.bool_]) -> Interactions:
    part = log.take(rows)
    return Interactions.from_pairs(
        torch.from_numpy(part.users),
        torch.from_numpy(part.items),
        len(log.user_ids),
        len(log.item_ids),
        None if part.times is None else torch.from_numpy(part.times),
        None if part.values is None else torch.from_numpy(part.values),
    )


def _tell_of_new_items(log: Log, interactions: Mapping[int, Interactions]) -> None:
    known = interactions[TRAIN].popularity() > 0
    new = {name: ~known[interactions[part].items] for name, part in (("val", VAL), ("test", TEST))}
    rows = {name: int(each.sum()) for name, each in new.items() if each.any()}
    if rows:
        items = counted(int((~known).sum()), "item")
        where = ", ".join(f"{count:,} of {name}" for name, count in rows.items())
        note(
            f"{log.source}: {items} not in train; what users did with them ({where}) counts as to be found all the same"
        )
    lone = int((interactions[VAL].counts() + interactions[TEST].counts() == 0).sum())
    if lone and (len(interactions[VAL]) or len(interactions[TEST])):
        note(
            f"{log.source}: {counted(lone, 'user')} of {len(log.user_ids):,} in train alone, with too few interactions"
        )


def _titles(log: Log, titles: Mapping[str, str]) -> list[str]:
    found = [titles.get(name, "").strip() for name in log.item_ids]
    missing = found.count("")
    if missing:
        note(f"{log.source}: {counted(missing, 'item')} of {len(found):,} without a title")
    return found


def _to_find(part: Interactions, name: str) -> tuple[Tensor, Tensor] | None:
    """The users of a split, and their items padded with -1."""
    counts = part.counts()
    users = counts.nonzero().flatten()
    if not len(users):
        return None
    most = int(counts.max())
    if most > WIDE:
        note(f"{name}: a user has {most:,} items to be found: the split takes {len(users) * most * 8 / 2**20:,.0f} MiB")
    places = part.indptr[users].unsqueeze(1) + torch.arange(most)
    there = places < part.indptr[users + 1].unsqueeze(1)
    return users, part.items[places.clamp(max=len(part) - 1)].where(there, -1)


def _sequences(train: Interactions, length: int, source: str) -> Tensor:
    """The items of each user that has two, in pieces that end with the last one, padded at the left."""
    if train.times is None:
        note(f"{source}: no times are known: sequences are in the order of the rows")
    following = (train.counts() - 1).clamp(min=0)
    pieces = -(-following // length)
    if not pieces.any():
        raise ValueError(f"{source}: sequences={length}: no user has two items to train on")
    users = torch.repeat_interleave(pieces)
    # Of a user's pieces the last one ends where the user does, and each of the others `length` items earlier.
    later = pieces.cumsum(0)[users] - 1 - torch.arange(len(users))
    places = (train.indptr[users + 1] - later * length).unsqueeze(1) + torch.arange(-length - 1, 0)
    there = places >= train.indptr[users].unsqueeze(1)
    return train.items[places.clamp(min=0)].where(there, train.num_items)
