"""Columns of tables, by name: ids as numbers, finite numbers, texts. Imports pyarrow and NumPy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from toolkit_recsys.table_files import SUFFIXES, Kind, TableFile, check_names, date_of, is_number, table_file


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of ids as numbers."""

    codes: NDArray[np.int64]
    """`(rows,)`."""
    names: list[str]
    """By code, each once: in the order of their values where all are whole numbers, else of their characters."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Some columns of a table, by name."""

    rows: int
    ids: Mapping[str, Coded]
    numbers: Mapping[str, NDArray[np.float64]]
    """Finite, `(rows,)`."""
    times: Mapping[str, NDArray[np.float64]]
    """Finite, `(rows,)`; dates are seconds since 1970."""
    texts: Mapping[str, list[str]]
    file: TableFile = field(repr=False)

    def at(self, row: int) -> str:
        """The place of a row, for messages: `clicks.csv:17`. Reads the file up to there."""
        line, _ = next(islice(self.file.rows(self.file.names[:1]), row, None))
        return f"{self.file.path}:{line}"


def read_columns(
    file: str | Path,
    *,
    ids: Collection[str] = (),
    numbers: Collection[str] = (),
    times: Collection[str] = (),
    texts: Collection[str] = (),
    optional: Collection[str] = (),
    names: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
) -> Columns:
    r"""Columns of a table in a file. The end of the file's name says what it is.

    ===========================  ===================================================================================
    `.csv`                       commas; fields may be quoted by `"`, a quote inside is doubled, and may span lines
    `.tsv`, `.tab`               tabs, and **no quoting**: a quote is a character like any other, and a line is a row
    `.inter`, `.user`, `.item`   RecBole's atomic files: as `.tsv`, and the first line has types, `user_id:token`,
                                 which are left out of the names
    `.parquet`                   its own types; ids may be numbers or texts
    ===========================  ===================================================================================

    All but Parquet may be compressed by gzip or xz: `clicks.csv.gz`. The first line of a file of text names the
    columns. Empty lines are left out. Spaces around ids and numbers do not count.

    Arguments:
        file: the table.
        ids: columns of texts or numbers that stand for something; none may be empty.
        numbers: columns of finite numbers.
        times: columns of numbers (seconds, or whatever else they count), or of dates as ISO 8601 writes them
            (`2019-03-01 12:30:00`, all with a time zone or all without), which become seconds since 1970.
        texts: columns of any text; what is missing is an empty one.
        optional: which of the named may be absent from the table.
        names: of all the columns of a file of text without a line that names them.
        separator: between fields, where it is not what the file's name says; where it has several characters, or the
            name is not `.csv`, nothing is quoted.
        encoding: of the text, as Python calls it; a byte order mark is left out of UTF-8.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table, has no such columns or no rows; an id is empty, or a number is none. The
            message begins with the file, and the line where there is one; of a Parquet file it is the row's number.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; give a table that ends in {', '.join(SUFFIXES)}")
    source = table_file(path, names, separator, encoding)
    by_kind = {Kind.ID: ids, Kind.NUMBER: numbers, Kind.TIME: times, Kind.TEXT: texts}
    kinds = {name: kind for kind, given in by_kind.items() for name in given}
    check_names(source, [name for name in kinds if name not in optional], list(kinds))
    kinds = {name: kind for name, kind in kinds.items() if name in source.names}
    try:
        table = source.read(kinds)
        found = {kind: {name: table[name] for name, each in kinds.items() if each is kind} for kind in Kind}
        return Columns(
            _some(table.num_rows, path),
            {name: _coded(column) for name, column in found[Kind.ID].items()},
            {name: _finite(column) for name, column in found[Kind.NUMBER].items()},
            {name: _seconds(column) for name, column in found[Kind.TIME].items()},
            {name: [text or "" for text in column.to_pylist()] for name, column in found[Kind.TEXT].items()},
            source,
        )
    except (_Unusable, pa.ArrowException, UnicodeError, LookupError, EOFError, OSError) as error:
        _blame(source, kinds, error)


class _Unusable(Exception):
    """A value that is missing, or not finite; where, is found afterwards."""


def _some(count: int, path: Path) -> int:
    if not count:
        raise ValueError(f"{path}: has no rows")
    return count


def _coded(column: pa.ChunkedArray) -> Coded:
    if column.null_count:
        raise _Unusable("empty")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = column.unify_dictionaries().combine_chunks()
    array = array if isinstance(array, pa.DictionaryArray) else array.chunk(0)
    raw = [name.strip() for name in array.dictionary.to_pylist()]
    if "" in raw:
        raise _Unusable("empty")
    return coded(raw, array.indices.to_numpy(zero_copy_only=False))


def coded(names: Sequence[str], codes: NDArray[Any]) -> Coded:
    """A column of ids whose names may be in any order, and there more than once."""
    ordered = sorted(set(names))
    if all(name.isascii() and name.isdigit() for name in ordered):
        ordered.sort(key=lambda name: (int(name), name))
    numbers = {name: number for number, name in enumerate(ordered)}
    return Coded(np.array([numbers[name] for name in names], dtype=np.int64)[codes], ordered)


def _finite(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = column.to_numpy()
    if column.null_count or not np.isfinite(found).all():
        raise _Unusable("not finite")
    return found.astype(np.float64)


def _seconds(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if not pa.types.is_timestamp(column.type):
        return _finite(column)
    if column.null_count:
        raise _Unusable("empty")
    return _finite(column.cast(pa.int64())) / 1e6


def _blame(source: TableFile, kinds: Mapping[str, Kind], error: Exception) -> NoReturn:
    """Raise what is wrong with the first row that is wrong."""
    dates = {name: None for name, kind in kinds.items() if kind is Kind.TIME}
    for line, values in source.rows(list(kinds)):
        for (name, kind), value in zip(kinds.items(), values, strict=True):
            wrong = _wrong(kind, value, name, dates)
            if wrong:
                raise ValueError(f"{source.path}:{line}: {name!r} {wrong}") from error
    raise ValueError(f"{source.path}: {error}") from error


def _wrong(kind: Kind, value: Any, name: str, dates: dict[str, Any]) -> str | None:
    """What is wrong with a value; `dates` holds what times are, by the first of each column."""
    if kind is Kind.TEXT:
        return None
    if value is None or value == "":
        return "is empty in this row"
    if kind is Kind.ID:
        return "is not a number in this row" if isinstance(value, float) and not is_number(value) else None
    if kind is Kind.NUMBER:
        return None if is_number(value) else f"is {value!r}, which is not a finite number"
    if is_number(value):
        form = "a number"
    else:
        when = value if isinstance(value, date) else date_of(str(value))
        if when is None:
            return f"is {value!r}, neither a finite number nor a date such as 2019-03-01 12:30:00"
        form = "a date with a time zone" if isinstance(when, datetime) and when.tzinfo else "a date"
    first = dates[name] = dates[name] or form
    return None if form == first else f"is {value!r}, {form}; in the first row it is {first}"
