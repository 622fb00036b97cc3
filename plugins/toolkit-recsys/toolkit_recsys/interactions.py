"""Who had to do with what: the interactions that a run keeps, user by user. Imports torch and NumPy."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

INTERACTIONS_FILE = "interactions.npz"
"""The run file; see `History`."""
LARGEST_TABLE = 64 * 2**20
"""Pairs of users and items up to which a truth value for each is held: 64 MiB."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Pairs of users and items, each pair once, sorted by user; a user's items in order of time where times are known.

    Users and items are numbers from 0, without gaps. Rows of a user are `indptr[user]` to `indptr[user + 1]`.
    """

    num_users: int
    num_items: int
    indptr: Tensor
    """Where the rows of each user begin, int64 `(num_users + 1,)`."""
    items: Tensor
    """Int64 `(interactions,)`."""
    times: Tensor | None = None
    """When, float64 `(interactions,)`."""
    values: Tensor | None = None
    """Ratings or counts, float32 `(interactions,)`."""
    _indices: dict[torch.device, Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def from_pairs(
        cls,
        users: Tensor,
        items: Tensor,
        num_users: int,
        num_items: int,
        times: Tensor | None = None,
        values: Tensor | None = None,
    ) -> Interactions:
        """Sorted by user, then time; rows of one time, and all of them without times, keep their order.

        Arguments:
            users: int64 `(interactions,)`.
            items: int64 `(interactions,)`.
            num_users: of the whole dataset; some may have no interactions here.
            num_items: of the whole dataset.
            times: float64 `(interactions,)`.
            values: float32 `(interactions,)`.
        """
        order = torch.arange(len(users)) if times is None else times.argsort(stable=True)
        order = order[users[order].argsort(stable=True)]
        indptr = torch.zeros(num_users + 1, dtype=torch.int64)
        indptr[1:] = torch.bincount(users, minlength=num_users).cumsum(0)
        return cls(
            num_users,
            num_items,
            indptr,
            items[order],
            None if times is None else times[order],
            None if values is None else values[order],
        )

    def __len__(self) -> int:
        return len(self.items)

    def of(self, user: int) -> Tensor:
        """The items of one user, int64 `(items,)`, the latest last."""
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    def counts(self) -> Tensor:
        """How many items each user has, int64 `(num_users,)`."""
        return self.indptr.diff()

    def users(self) -> Tensor:
        """The user of each row, int64 `(interactions,)`."""
        return torch.repeat_interleave(torch.arange(self.num_users, device=self.items.device), self.counts())

    def popularity(self) -> Tensor:
        """How many users each item has, int64 `(num_items,)`."""
        return torch.bincount(self.items, minlength=self.num_items)

    def matrix(self) -> Tensor:
        """Users times items with ones, sparse CSR float32 `(num_users, num_items)`; a row's items in rising order."""
        keys = self.keys()
        with warnings.catch_warnings():
            # torch says once in every process that these tensors are in beta state.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                self.indptr,
                keys % self.num_items,
                torch.ones(len(keys)),
                (self.num_users, self.num_items),
                check_invariants=False,  # torch warns unless it is told
            )

    def keys(self) -> Tensor:
        """A number for every pair, `user * num_items + item`, in rising order: int64 `(interactions,)`."""
        return (self.users() * self.num_items + self.items).sort().values

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Which pairs are interactions; computed on the device of `users`, where what is needed is kept.

        By a table of all pairs where there are at most 64 Mi of them (a byte each), by bisection in sorted keys (8
        bytes for each interaction) where there are more.

        Arguments:
            users: numbers of users, int64, any shape.
            items: numbers of items, int64, a shape that can be broadcast with it.

        Returns:
            Truth values of the common shape.
        """
        key = users * self.num_items + items
        index = self._indices.get(key.device)
        if index is None:
            index = self._indices[key.device] = self._index().to(key.device)
        if index.dtype == torch.bool:
            return index[key]
        if not len(index):
            return torch.zeros_like(key, dtype=torch.bool)
        place = torch.searchsorted(index, key).clamp_(max=len(index) - 1)
        return index[place] == key

    def _index(self) -> Tensor:
        pairs = self.num_users * self.num_items
        if pairs > LARGEST_TABLE:
            return self.keys()
        table = torch.zeros(pairs, dtype=torch.bool)
        table[self.users() * self.num_items + self.items] = True
        return table

    def followed_by(self, later: Interactions) -> Interactions:
        """These and others of the same users and items, each user's later ones after those here."""
        owners = torch.cat([self.users(), later.users()])
        order = owners.argsort(stable=True)

        def joined(first: Tensor | None, second: Tensor | None) -> Tensor | None:
            return None if first is None or second is None else torch.cat([first, second])[order]

        return Interactions(
            self.num_users,
            self.num_items,
            self.indptr + later.indptr,
            torch.cat([self.items, later.items])[order],
            joined(self.times, later.times),
            joined(self.values, later.values),
        )


@dataclass(frozen=True, eq=False)
class History:
    """What a run keeps of who had to do with what: the interactions to train on, and those to validate on."""

    train: Interactions
    val: Interactions | None = None

    def before(self, split: str) -> Interactions:
        """What is known before a split is predicted, and is not recommended again: for `test` the validation
        interactions too, as for any prediction that comes after the training."""
        return self.train if self.val is None or split in ("train", "val") else self.train.followed_by(self.val)

    def to_bytes(self) -> bytes:
        """A `.npz` file: `shape (2,)`, `indptr`, `items` and, where there are any, `times` and `values`; those to
        validate on as `val_indptr` and so on.

        Not compressed: two builds of zlib make different bytes of the same numbers, and a run's files are compared.
        """
        arrays = {"shape": np.array([self.train.num_users, self.train.num_items])}
        for prefix, part in (("", self.train), ("val_", self.val)):
            if part is None:
                continue
            arrays[f"{prefix}indptr"] = part.indptr.numpy()
            arrays[f"{prefix}items"] = part.items.numpy().astype(np.int32)
            if part.times is not None:
                arrays[f"{prefix}times"] = part.times.numpy()
            if part.values is not None:
                arrays[f"{prefix}values"] = part.values.numpy()
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # the stubs mix it up with `allow_pickle`
        return stream.getvalue()

    @classmethod
    def from_files(cls, run_files: Mapping[str, bytes] | None) -> History:
        """What a run has kept.

        Raises:
            ValueError: its dataset has no interactions.
        """
        content = (run_files or {}).get(INTERACTIONS_FILE)
        if content is None:
            raise ValueError(
                f"the dataset keeps no {INTERACTIONS_FILE}; this works with datasets of interactions, such as "
                "generated_interactions, movielens_100k or your own table with `interactions`"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            num_users, num_items = map(int, arrays["shape"])

            def part(prefix: str) -> Interactions | None:
                if f"{prefix}indptr" not in arrays:
                    return None
                times, values = f"{prefix}times", f"{prefix}values"
                return Interactions(
                    num_users,
                    num_items,
                    torch.from_numpy(arrays[f"{prefix}indptr"]),
                    torch.from_numpy(arrays[f"{prefix}items"].astype(np.int64)),
                    torch.from_numpy(arrays[times]) if times in arrays else None,
                    torch.from_numpy(arrays[values]) if values in arrays else None,
                )

            train = part("")
            assert train is not None, "written by to_bytes"
            return cls(train, part("val_"))
