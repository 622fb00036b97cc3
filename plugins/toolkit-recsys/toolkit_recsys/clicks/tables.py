"""Tables that are read in pieces, so that a table may be larger than memory. Imports pyarrow.

A piece is a `pyarrow.RecordBatch`: CSV and TSV give columns of text, Parquet and JSON Lines such as they have.
`toolkit_recsys.columns` reads tables that fit into memory, with the types that it is asked for.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from toolkit_recsys.table_files import PARQUET, Named, check_names
from toolkit_recsys.table_files import SUFFIXES as OF_TABLES
from toolkit_recsys.text_rows import ATOMIC, CSV, Format, binary, rows, suffix_of

PIECE_BYTES = 4 * 1024 * 1024
"""Of a text file, read at a time."""
PIECE_ROWS = 65_536
"""Of other files, read at a time."""

JSONL = (".jsonl", ".ndjson")
SUFFIXES = (*OF_TABLES, *JSONL)
"""What the names of tables end in; those of text may be compressed, as `.csv.gz`."""


class Table(Named, Protocol):
    """Rows in pieces."""

    @property
    def path(self) -> Path:
        """The file, as messages name it."""
        ...

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        """Some columns of all rows, in their order, as record batches."""
        ...

    def place(self, row: int) -> str:
        """Where a row lies, counted from 0, for messages: `clicks.csv:17`."""
        ...


def open_table(path: Path, names: Sequence[str] | None = None, delimiter: str | None = None) -> Table:
    """The table in a file. The end of its name says what it is.

    Arguments:
        path: the file.
        names: of all columns of a CSV or TSV file without a line that names them.
        delimiter: what separates the fields of a text file, where its name does not say.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its name does not say what it is. Reading raises it too, with the file and where it can the line,
            for what is no such table.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; give a table that ends in {', '.join(SUFFIXES)}")
    suffix = suffix_of(path)
    if delimiter is None and suffix not in SUFFIXES:
        raise ValueError(f"{path}: a table's name ends in {', '.join(SUFFIXES)} (or one of these and .gz or .xz)")
    if names is not None and suffix in (*JSONL, *PARQUET):
        raise ValueError(f"{path}: its columns have names already, and columns are given")
    if suffix in PARQUET:
        return _Parquet(path)
    if suffix in JSONL:
        return _Objects(path, Format("", False))
    quoted = suffix in CSV
    form = Format(delimiter or ("," if quoted else "\t"), quoted)
    return _Text(path, form, names, typed=suffix in ATOMIC)


@dataclass(frozen=True)
class _Text:
    path: Path
    form: Format
    given: Sequence[str] | None
    typed: bool
    """Whether names are followed by a colon and a type, as in RecBole's atomic files."""

    @property
    def where(self) -> str:
        return str(self.path) if self.given is not None else f"{self.path}:{self._first()[0]}"

    @property
    def names(self) -> Sequence[str]:
        if self.given is not None:
            return self.given
        found = [name.strip() for name in self._first()[1]]
        return [name.partition(":")[0] for name in found] if self.typed else found

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        check_names(self, columns, columns)
        try:
            # One thread: only then do messages tell the row.
            yield from pyarrow.csv.open_csv(
                binary(self.path),
                pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=PIECE_BYTES,
                    column_names=list(self.names),
                    skip_rows=0 if self.given is not None else 1,
                ),
                pyarrow.csv.ParseOptions(
                    delimiter=self.form.delimiter,
                    quote_char='"' if self.form.quoted else False,
                    newlines_in_values=self.form.quoted,
                ),
                pyarrow.csv.ConvertOptions(
                    include_columns=list(columns),
                    column_types=dict.fromkeys(columns, pa.string()),
                    strings_can_be_null=False,
                ),
            )
        except (pa.ArrowException, OSError, EOFError) as error:
            self._blame()
            raise ValueError(f"{self.path}: {error}") from error

    def place(self, row: int) -> str:
        line, _ = next(islice(rows(self.path, self.form), row + (self.given is None), None))
        return f"{self.path}:{line}"

    def _first(self) -> tuple[int, Sequence[str]]:
        first = next(rows(self.path, self.form), None)
        if first is None:
            raise ValueError(f"{self.path}: is empty; its first line should name the columns")
        return first

    def _blame(self) -> None:
        """Raises ValueError with the first line that is no such row as the others."""
        wanted = len(self.names)
        for line, fields in rows(self.path, self.form):
            if len(fields) != wanted:
                there = f"{len(fields)} fields in this line, and there are {wanted} columns"
                raise ValueError(f"{self.path}:{line}: {there}")


@dataclass(frozen=True)
class _Objects:
    """JSON Lines."""

    path: Path
    form: Format

    @property
    def where(self) -> str:
        return f"{self.path}:1"

    @property
    def names(self) -> Sequence[str]:
        return list(next(self._objects(), (0, dict[str, Any]()))[1])

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        check_names(self, columns, columns)
        held: list[Mapping[str, Any]] = []
        for line, found in self._objects():
            missing = [name for name in columns if name not in found]
            if missing:
                raise ValueError(f"{self.path}:{line}: no {missing[0]!r} in this line")
            held.append(found)
            if len(held) == PIECE_ROWS:
                yield record_batch(columns, held, self.path)
                held = []
        if held:
            yield record_batch(columns, held, self.path)

    def place(self, row: int) -> str:
        return f"{self.path}:{next(islice(self._objects(), row, None))[0]}"

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with binary(self.path) as lines:
            yield from objects(lines, str(self.path))


@dataclass(frozen=True)
class _Parquet:
    path: Path

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def names(self) -> Sequence[str]:
        return list(self._file().schema_arrow.names)

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        check_names(self, columns, columns)
        try:
            file = self._file()
            # One group of rows at a time: over several, what was read of each is held to the end (pyarrow 26).
            for group in range(file.num_row_groups):
                yield from file.iter_batches(PIECE_ROWS, row_groups=[group], columns=list(columns))
        except pa.ArrowException as error:
            raise ValueError(f"{self.path}: {error}") from error

    def place(self, row: int) -> str:
        return f"{self.path}, row {row + 1}"

    def _file(self) -> pyarrow.parquet.ParquetFile:
        try:
            return pyarrow.parquet.ParquetFile(self.path)
        except pa.ArrowException as error:
            raise ValueError(f"{self.path}: not Parquet: {error}") from error


@dataclass(frozen=True)
class TableInMemory:
    """A table in memory, whose rows are called as those of a file.

    Arguments:
        held: the columns, a `pyarrow.Table`.
        path: as messages name the file.
        of: the table in the file, whose rows these are, where there is one.
    """

    held: Any
    path: Path
    of: Table | None = None

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def names(self) -> Sequence[str]:
        return list(self.held.column_names)

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        check_names(self, columns, columns)
        yield from self.held.select(list(columns)).to_batches(PIECE_ROWS)

    def place(self, row: int) -> str:
        return f"{self.path}, row {row + 1}" if self.of is None else self.of.place(row)


def table_of_text(content: bytes, path: Path, names: Sequence[str] | None) -> TableInMemory:
    """The table in a piece of text: JSON Lines where it begins with a brace, else CSV.

    Raises:
        ValueError: it is neither, or no text; the message begins with ``path``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8: {error.reason}") from error
    if text.lstrip().startswith("{"):
        held = [each for _, each in objects(io.BytesIO(content), str(path))]
    else:
        held = _of_csv(text, path, names)
    columns = list(held[0]) if held else []
    for row, each in enumerate(held, 1):
        if set(each) != set(columns):
            raise ValueError(f"{path}, row {row}: other columns than in the first row")
    return TableInMemory(pa.Table.from_batches([record_batch(columns, held, path)]) if held else pa.table({}), path)


def _of_csv(text: str, path: Path, names: Sequence[str] | None) -> list[dict[str, Any]]:
    try:
        held = [fields for fields in csv.reader(io.StringIO(text), strict=True) if fields]
    except csv.Error as error:
        raise ValueError(f"{path}: not CSV: {error}") from error
    if names is None:
        names, held = [name.strip() for name in held[0]] if held else [], held[1:]
    for row, fields in enumerate(held, 1):
        if len(fields) != len(names):
            raise ValueError(f"{path}, row {row}: {len(fields)} fields, and there are {len(names)} columns")
    return [dict(zip(names, fields, strict=True)) for fields in held]


def objects(lines: Any, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of JSON Lines, with the lines they stand in.

    Raises:
        ValueError: a line holds no object; with `name` and the line.
    """
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{name}:{line}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{name}:{line}: not a JSON object but {text.strip()[:40]!r}")
        yield line, row


def record_batch(columns: Sequence[str], held: Sequence[Mapping[str, Any]], path: Path) -> Any:
    """A piece of rows: lists of text where a column holds lists, else text.

    Raises:
        ValueError: a column holds both; the message begins with ``path``.
    """
    arrays = [_array([row[name] for row in held], name, path) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def _array(values: list[Any], name: str, path: Path) -> Any:
    if any(isinstance(value, list) for value in values):
        if not all(value is None or isinstance(value, list) for value in values):
            raise ValueError(f"{path}: {name!r} is a list in some rows, and none in others")
        return pa.array([[_text(part) for part in value or ()] for value in values], pa.list_(pa.string()))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
