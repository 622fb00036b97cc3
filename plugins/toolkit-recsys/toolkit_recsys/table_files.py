"""Files of tables as pyarrow reads them: some columns at once, or row by row to find what is wrong. Imports pyarrow."""

from __future__ import annotations

import difflib
import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from toolkit_recsys.notes import counted
from toolkit_recsys.text_rows import ATOMIC, CSV, TSV, Format, binary, rows, suffix_of

PARQUET = (".parquet",)
SUFFIXES = (*CSV, *TSV, *ATOMIC, *PARQUET)
"""What the names of tables end in; all but Parquet may be compressed, as `.csv.gz` or `.tsv.xz`."""


class Kind(Enum):
    """What a column holds."""

    ID = "id"
    NUMBER = "number"
    TIME = "time"
    TEXT = "text"


class Named(Protocol):
    """Columns that have names."""

    @property
    def where(self) -> str:
        """Where they are named, for messages."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Of the columns."""
        ...


class TableFile(Named, Protocol):
    """A table in a file."""

    @property
    def path(self) -> Path: ...

    def read(self, kinds: Mapping[str, Kind]) -> pa.Table:
        """These columns: ids and texts as strings (or dictionaries of strings), numbers as float64, times as float64 or
        timestamps. Raises what pyarrow raises where something is wrong."""
        ...

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
        """The values of these columns row by row, with the line. Raises ValueError with the line."""
        ...


def table_file(path: Path, names: Sequence[str] | None, separator: str | None, encoding: str) -> TableFile:
    """The table in a file; see `toolkit_recsys.columns.read_columns`.

    Raises:
        ValueError: it is no table, or is empty.
    """
    suffix = suffix_of(path)
    if suffix in PARQUET:
        if path.suffix.lower() not in PARQUET:
            raise ValueError(f"{path}: Parquet is compressed inside; unpack this file")
        if names is not None:
            raise ValueError(f"{path}: its columns have names already, and names={list(names)} are given")
        return _Parquet(path)
    if separator is None and suffix not in SUFFIXES:
        raise ValueError(f"{path}: a table's name ends in {', '.join(SUFFIXES)} (or one of these and .gz or .xz)")
    quoted = suffix in CSV and (separator is None or len(separator) == 1)
    form = Format(separator or ("," if suffix in CSV else "\t"), quoted, encoding)
    return _Text(path, form, names, typed=suffix in ATOMIC)


def check_names(file: Named, needed: Collection[str], wanted: Collection[str]) -> None:
    """Raise ValueError unless those that are needed are there, and those that are wanted there once at most."""
    missing = [name for name in needed if name not in file.names]
    if missing:
        near = [difflib.get_close_matches(name, file.names, 1) for name in missing]
        meant = "".join(f" Did you mean {match[0]!r}?" for match in near if match)
        there = ", ".join(name for name in file.names if name) or "none"
        raise ValueError(
            f"{file.where}: no column {' and no '.join(map(repr, missing))}.{meant} Columns: {there[:300]}"
        )
    twice = [name for name in wanted if list(file.names).count(name) > 1]
    if twice:
        raise ValueError(f"{file.where}: two columns are called {twice[0]!r}")


@dataclass(frozen=True)
class _Text:
    path: Path
    form: Format
    given: Sequence[str] | None
    """The names of the columns, where no line of the file tells."""
    typed: bool
    """Whether names are followed by a colon and a type."""

    @cached_property
    def where(self) -> str:
        return str(self.path) if self.given is not None else f"{self.path}:{self._first[0]}"

    @cached_property
    def names(self) -> Sequence[str]:
        if self.given is not None:
            return self.given
        stripped = [name.strip() for name in self._first[1]]
        return [name.partition(":")[0] for name in stripped] if self.typed else stripped

    @cached_property
    def _first(self) -> tuple[int, Sequence[str]]:
        first = next(rows(self.path, self.form), None)
        if first is None:
            raise ValueError(f"{self.path}: is empty")
        return first

    def read(self, kinds: Mapping[str, Kind]) -> pa.Table:
        raw = self.names if self.given is not None else self._first[1]
        chosen = {name: raw[list(self.names).index(name)] for name in kinds}
        quoted = self.form.quoted
        table = pyarrow.csv.read_csv(
            self._content(),
            read_options=pyarrow.csv.ReadOptions(
                column_names=None if self.given is None else list(raw), encoding=self.form.encoding
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.form.delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={chosen[name]: self._type(name, kind) for name, kind in kinds.items()},
                include_columns=list(chosen.values()),
                strings_can_be_null=False,
            ),
        )
        return table.rename_columns(list(chosen))

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
        places = [list(self.names).index(name) for name in columns]
        named = "the first line names" if self.given is None else "names gives"
        for number, (line, fields) in enumerate(rows(self.path, self.form)):
            if len(fields) != len(self.names):
                there, asked = counted(len(fields), "field"), counted(len(self.names), "column")
                raise ValueError(f"{self.path}:{line}: {there} in this line, and {named} {asked}")
            if number or self.given is not None:
                yield line, [fields[place].strip() for place in places]

    def _content(self) -> Any:
        if len(self.form.separator) == 1:
            return binary(self.path)
        with binary(self.path) as stream:
            content: bytes = stream.read()
        code = self.form.encoding
        return io.BytesIO(content.replace(self.form.separator.encode(code), self.form.delimiter.encode(code)))

    def _type(self, name: str, kind: Kind) -> pa.DataType:
        if kind is Kind.ID:
            return pa.dictionary(pa.int32(), pa.string())
        if kind is Kind.TEXT:
            return pa.string()
        if kind is Kind.TIME:
            # The first row tells whether times are numbers or dates.
            first = next(self.rows([name]), None)
            date = date_of(first[1][0]) if first is not None else None
            if date is not None:
                return pa.timestamp("us", None if date.tzinfo is None else "UTC")
        return pa.float64()


@dataclass(frozen=True)
class _Parquet:
    path: Path

    @property
    def where(self) -> str:
        return str(self.path)

    @cached_property
    def names(self) -> Sequence[str]:
        return list(self._file.schema_arrow.names)

    @cached_property
    def _file(self) -> pyarrow.parquet.ParquetFile:
        try:
            return pyarrow.parquet.ParquetFile(self.path)
        except pa.ArrowException as error:
            raise ValueError(f"{self.path}: not Parquet: {error}") from error

    def read(self, kinds: Mapping[str, Kind]) -> pa.Table:
        table = self._file.read(columns=list(kinds))
        return pa.table({name: self._cast(table[name], kind) for name, kind in kinds.items()})

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
        number = 0
        for batch in self._file.iter_batches(columns=list(columns)):
            for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                number += 1
                yield number, list(values)

    def _cast(self, column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
        if kind in (Kind.ID, Kind.TEXT):
            return column.cast(pa.string())
        if kind is Kind.TIME:
            if pa.types.is_temporal(column.type):
                return column.cast(pa.timestamp("us", getattr(column.type, "tz", None)))
            first = next((value for value in column.slice(0, 1).to_pylist()), None)
            date = date_of(first) if isinstance(first, str) else None
            if date is not None:
                return column.cast(pa.timestamp("us", None if date.tzinfo is None else "UTC"))
        return column.cast(pa.float64())


def date_of(text: str) -> datetime | None:
    """A date as ISO 8601 writes it, unless the text is a number or nothing of the kind."""
    if is_number(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def is_number(value: Any) -> bool:
    """Whether it is a finite number, or says one."""
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
