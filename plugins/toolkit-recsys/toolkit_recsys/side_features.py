"""What is known of users and items besides what they had to do with: age, genre, price. Imports torch and pyarrow."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from toolkit_recsys.clicks.learning import Asked, Columns
from toolkit_recsys.clicks.schema import tensors
from toolkit_recsys.clicks.tables import Table, open_table
from toolkit_recsys.notes import counted, note

SIDE_FEATURES_FILE = "side_features.npz"
"""The run file."""
LONGEST = 16
"""Values of a multi-valued column that are kept."""

Whose = Literal["user", "item"]
WHOSE: tuple[Whose, ...] = ("user", "item")
Wanted = Mapping[str, Sequence[str] | Mapping[str, str]]
"""Names of columns by what they are: `categorical`, `numerical` and `multi`, of which each has a separator."""


@dataclass(frozen=True, eq=False)
class SideFeatures:
    """The features of all users, or of all items, a row for each number; see
    `toolkit_recsys.clicks.features.FeatureTable` for what the numbers mean."""

    inputs: Mapping[str, Tensor]
    """`categorical` int64 `(n, fields)`, `numerical` float32 `(n, features)` and `multi` int64 `(n, fields, longest)`,
    padded with -1; those that there are."""
    field_sizes: Sequence[int]
    multi_sizes: Sequence[int]

    @property
    def num_numerical(self) -> int:
        return self.inputs["numerical"].shape[1] if "numerical" in self.inputs else 0

    @classmethod
    def from_files(cls, run_files: Mapping[str, bytes] | None, whose: Whose) -> SideFeatures | None:
        """What a run has kept; None where its dataset has no features of them."""
        content = (run_files or {}).get(SIDE_FEATURES_FILE)
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name.removeprefix(f"{whose}_"): file[name] for name in file if name.startswith(f"{whose}_")}
        if not arrays:
            return None
        sizes = (arrays.pop("field_sizes").tolist(), arrays.pop("multi_sizes").tolist())
        return cls(tensors(arrays), *sizes)


def to_bytes(features: Mapping[Whose, SideFeatures]) -> bytes:
    """A `.npz` file, not compressed (see `toolkit_recsys.interactions.History`), of the parts of `SideFeatures`."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for whose, each in features.items():
        for name, part in each.inputs.items():
            arrays[f"{whose}_{name}"] = part.numpy() if part.is_floating_point() else part.to(torch.int32).numpy()
        arrays[f"{whose}_field_sizes"] = np.array(each.field_sizes, np.int64)
        arrays[f"{whose}_multi_sizes"] = np.array(each.multi_sizes, np.int64)
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # the stubs mix it up with `allow_pickle`
    return stream.getvalue()


@dataclass(frozen=True, eq=False)
class Described:
    """A table with a row for each user, or for each item."""

    table: Any
    """A `pyarrow.Table`."""
    asked: Asked
    """Its columns; the target is the column of ids."""
    of: Table
    """What the rows were read from."""

    @classmethod
    def of_file(cls, file: str, key: str, wanted: Wanted, argument: str) -> Described:
        """The columns of a file.

        Arguments:
            file: CSV, TSV, JSON Lines, Parquet or one of RecBole's atomic files.
            key: the column of ids.
            wanted: the columns of features.
            argument: what says so, for messages.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such table, or `wanted` is not understood.
        """
        asked = asked_of(wanted, key, argument)
        of = open_table(Path(file).expanduser())
        pieces = list(of.pieces([key, *asked.columns]))
        if not pieces:
            raise ValueError(f"{of.path}: has no rows")
        return cls(pa.Table.from_batches(pieces), asked, of)

    def rows_of(self, ids: Sequence[str], whose: Whose) -> SideFeatures:
        """The features of those with these ids, in their order; unknown values where the table has no row.

        Raises:
            ValueError: the table has two rows for one, or a value that cannot be; with the file and the line.
        """
        keys = pc.fill_null(pc.utf8_trim_whitespace(self.table[self.asked.target].cast(pa.string())), "")
        keys = keys.combine_chunks()
        empty = pc.index(keys, "").as_py()
        if empty >= 0:
            raise ValueError(f"{self.of.place(empty)}: no {self.asked.target!r} in this row")
        encoded = keys.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        again = np.setdiff1d(np.arange(len(encoded)), np.unique(encoded, return_index=True)[1])
        if len(again):
            row = int(again[0])
            raise ValueError(f"{self.of.place(row)}: a second row for the {whose} {keys[row].as_py()!r}")
        rows = pc.index_in(pa.array(list(ids), pa.string()), keys)
        if rows.null_count:
            told = f"{counted(rows.null_count, whose)} of {len(ids):,} without a row"
            note(f"{self.of.path}: {told}: their features are unknown")
        there = self.table.select(list(self.asked.columns)).take(rows).combine_chunks().to_batches()[0]

        def place(row: int) -> str:
            return self.of.place(rows[row].as_py())

        columns = Columns(self.asked)
        columns.add(there, place, np.ones(len(ids), bool))
        schema = columns.schema(str(self.of.path))
        return SideFeatures(
            tensors(schema.encode(there, place)),
            [each.size for each in schema.categorical],
            [each.size for each in schema.multi],
        )


def asked_of(wanted: Wanted, key: str, argument: str) -> Asked:
    """Columns of features by what they are.

    Raises:
        ValueError: `wanted` names something else, or nothing.
    """
    known = ("categorical", "numerical", "multi")
    strange = [name for name in wanted if name not in known]
    categorical, numerical, multi = (wanted.get(name, ()) for name in known)
    if strange or isinstance(categorical, (str, Mapping)) or isinstance(numerical, (str, Mapping)):
        there = strange[0] if strange else "categorical" if isinstance(categorical, (str, Mapping)) else "numerical"
        raise ValueError(
            f"{argument}: {there!r} is not understood; write {{categorical: [COLUMN, ...], numerical: [COLUMN, ...], "
            'multi: {COLUMN: "|"}}, or some of these'
        )
    if not isinstance(multi, Mapping):
        if multi:
            raise ValueError(f'{argument}: multi says what separates the values of each column: {{{multi[0]}: "|"}}')
        multi = {}
    return Asked(key, categorical, numerical, multi, None, "number", (), {}, min_count=1, longest=LONGEST)
