"""How the columns of a table become the numbers that a model takes. Imports pyarrow, NumPy and torch.

A run keeps it, so that rows of a prediction are read as those of the training were.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

SCHEMA_FILE = "features.json"

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Field:
    """A column of categories. Number 0 means what is missing, or was not seen in training."""

    name: str
    values: Sequence[str] | None = None
    """The values with the numbers from 1 on, in this order; None where numbers are hashes."""
    buckets: int = 0
    """How many numbers hashes give, where there are no values."""
    separator: str | None = None
    """Between the values of a row, where it may have several."""

    @property
    def size(self) -> int:
        """How many numbers there are, 0 among them."""
        return 1 + (self.buckets if self.values is None else len(self.values))

    def number(self, value: str) -> int:
        """Of a value."""
        if not value:
            return 0
        if self.values is None:
            return 1 + zlib.crc32(value.encode()) % self.buckets
        return self._numbers.get(value, 0)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        assert self.values is not None
        return {value: number for number, value in enumerate(self.values, 1)}


@dataclass(frozen=True)
class Numerical:
    """A column of numbers. A model gets `(x - mean) / deviation`, and 0 for one that is missing."""

    name: str
    mean: float = 0.0
    deviation: float = 1.0
    log: bool = False
    """Whether x is the logarithm of 1 plus the number, with the number's sign."""

    def scaled(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Numbers as they are in the table, NaN for one that is missing, as a model gets them."""
        return np.nan_to_num((self.measured(values) - self.mean) / self.deviation)

    def measured(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What mean and deviation are of."""
        return np.sign(values) * np.log1p(np.abs(values)) if self.log else values


@dataclass(frozen=True)
class Schema:
    """How a table's columns become numbers.

    Arguments:
        categorical: columns of one value in each row.
        numerical: columns of numbers.
        multi: columns of several values in each row.
        longest: how many values of a multi-valued column are kept of a row.
        task: `binary` for clicks; None for numbers such as ratings.
        target_mean: of the rows to train on.
    """

    categorical: Sequence[Field]
    numerical: Sequence[Numerical]
    multi: Sequence[Field]
    longest: int = 0
    task: str | None = "binary"
    target_mean: float | None = None
    names: Sequence[str] | None = None
    """Of all columns of files that do not name them."""
    delimiter: str | None = None
    """Between the columns, where the ends of files do not say."""
    columns: tuple[str, ...] = field(init=False)
    """The names of all columns that a model looks at."""

    def __post_init__(self) -> None:
        fields = [each.name for each in (*self.categorical, *self.multi)]
        object.__setattr__(self, "columns", (*fields, *(each.name for each in self.numerical)))

    @property
    def facts(self) -> dict[str, Any]:
        """What a model is made with."""
        return {
            "task": self.task,
            "field_sizes": [each.size for each in self.categorical],
            "num_numerical": len(self.numerical),
            "multi_sizes": [each.size for each in self.multi],
            "target_mean": self.target_mean,
        }

    def encode(self, piece: Any, place: Callable[[int], str]) -> Arrays:
        """The rows of a piece of a table.

        Args:
            piece: a record batch.
            place: where a row of it lies, for messages.

        Returns:
            `categorical` int32 `(rows, fields)`, `numerical` float32 `(rows, features)` and `multi` int32
            `(rows, fields, longest)`, padded with -1; those that there are.

        Raises:
            ValueError: text in a column of numbers.
        """
        found: Arrays = {}
        if self.categorical:
            columns = [_encoded(piece.column(each.name), each) for each in self.categorical]
            found["categorical"] = np.stack(columns, axis=1)
        if self.numerical:
            scaled = [each.scaled(numbers(piece.column(each.name), each.name, place)) for each in self.numerical]
            found["numerical"] = np.stack(scaled, axis=1).astype(np.float32)
        if self.multi:
            found["multi"] = np.stack([self._several(piece.column(each.name), each) for each in self.multi], axis=1)
        return found

    def _several(self, column: Any, each: Field) -> np.ndarray[Any, Any]:
        """The first values of every row, int32 `(rows, longest)`, padded with -1."""
        assert each.separator is not None
        values, codes = lists(column, each.separator)
        rows = np.full((len(values) + 1, self.longest), -1, np.int32)
        for row, several in zip(rows, values, strict=False):
            listed = [each.number(value) for value in several[: self.longest]]
            row[: len(listed)] = listed
        # What is missing has the code -1: the last row, which is of padding alone.
        found: np.ndarray[Any, Any] = rows[codes]
        return found

    def to_bytes(self) -> bytes:
        kept = asdict(self)
        del kept["columns"]
        return json.dumps(kept, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, file: bytes) -> Schema:
        kept = json.loads(file)
        categorical, multi = ([Field(**each) for each in kept.pop(name)] for name in ("categorical", "multi"))
        return cls(categorical, [Numerical(**each) for each in kept.pop("numerical")], multi, **kept)


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    """The inputs of a model: whole numbers are int64."""
    found = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {name: part if part.is_floating_point() else part.long() for name, part in found.items()}


def values_and_codes(column: Any) -> tuple[list[str], np.ndarray[Any, Any]]:
    """The different values of a column as text, and for each row which it is, int64 `(rows,)`; -1 where it has none."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    held = coded.dictionary
    if not pa.types.is_string(held.type):
        held = held.cast(pa.string())
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return [(value or "").strip() for value in held.to_pylist()], codes


def lists(column: Any, separator: str) -> tuple[list[list[str]], np.ndarray[Any, Any]]:
    """The different lists of values in a column, and for each row which it is; see `values_and_codes`."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        several = [[str(part) for part in value or ()] for value in column.to_pylist()]
        return several, np.arange(len(several))
    values, codes = values_and_codes(column)
    parts = ([part.strip() for part in value.split(separator)] for value in values)
    return [[part for part in listed if part] for listed in parts], codes


def numbers(column: Any, name: str, place: Callable[[int], str]) -> np.ndarray[Any, Any]:
    """A column as floats, float64 `(rows,)`; NaN for what is missing.

    Args:
        column: of a record batch.
        name: its name.
        place: where a row of it lies.

    Raises:
        ValueError: a row holds no number.
    """
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
    try:
        found: np.ndarray[Any, Any] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        for row, value in enumerate(column.to_pylist()):
            try:
                float(value if value is not None else 0)
            except (TypeError, ValueError):
                raise ValueError(f"{place(row)}: {name!r} is {str(value)!r}, which is not a number") from None
        raise ValueError(f"{place(0)}: {name!r} is no column of numbers: {error}") from error
    infinite = np.flatnonzero(np.isinf(found))
    if len(infinite):
        raise ValueError(f"{place(int(infinite[0]))}: {name!r} is infinite")
    return found


def _encoded(column: Any, each: Field) -> np.ndarray[Any, Any]:
    """Numbers of a field, int32 `(rows,)`."""
    values, codes = values_and_codes(column)
    # The code -1 is the last: the number of what is missing.
    found: np.ndarray[Any, Any] = np.array([*(each.number(value) for value in values), 0], np.int32)[codes]
    return found
