"""Tables that are read in pieces, so that a table may be larger than memory. Imports pyarrow and NumPy.

A piece is a `pyarrow.RecordBatch`: CSV and TSV give columns of text, Parquet and JSON Lines such as they have.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from pyarrow import csv as reading
from pyarrow import parquet

PIECE_BYTES = 4 * 1024 * 1024
"""Of a text file, read at a time."""
PIECE_ROWS = 65_536
"""Of a Parquet file, read at a time."""

CSV, TSV, JSONL, PARQUET = (".csv",), (".tsv", ".tab", ".inter", ".user", ".item"), (".jsonl", ".ndjson"), (".parquet",)
SUFFIXES = (*CSV, *TSV, *JSONL, *PARQUET)
"""What the names of tables end in; those of text may be compressed by gzip, as `.csv.gz`."""


class Table(Protocol):
    """Rows in pieces."""

    name: str
    """As it is called in messages."""

    def columns(self) -> list[str]:
        """The names of all columns."""
        ...

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        """Some columns of all rows, in their order, as record batches."""
        ...

    def place(self, row: int) -> str:
        """Where a row lies, counted from 0, for messages: `clicks.csv:17`."""
        ...


@dataclass(frozen=True)
class TableFile:
    """A table in a file. The end of its name says what it is.

    Arguments:
        path: the file.
        names: of all columns of a CSV or TSV file without a line that names them.
        delimiter: what separates the fields of a text file; a comma in CSV, else a tab.
        content: what the file holds, where it was read already.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its name does not say what it is. Reading raises it too, with the file and where it can the line,
            for what is no such table.
    """

    path: Path
    names: Sequence[str] | None = None
    delimiter: str | None = None
    content: bytes | None = None

    def __post_init__(self) -> None:
        if self.content is None and not self.path.is_file():
            raise FileNotFoundError(
                f"{str(self.path)!r} is not a file; give a table that ends in {', '.join(SUFFIXES)}"
            )
        if self.delimiter is None and self.kind not in SUFFIXES:
            raise ValueError(f"{self.path}: a table's name ends in {', '.join(SUFFIXES)}")
        if self.names is not None and self.kind in (*JSONL, *PARQUET):
            raise ValueError(f"{self.path}: its columns have names already, and names are given")

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def kind(self) -> str:
        return kind_of(self.path)

    def columns(self) -> list[str]:
        if self.kind in PARQUET:
            with _told(self.name, "not Parquet"):
                return list(self._parquet().schema_arrow.names)
        if self.names is not None:
            return list(self.names)
        if self.kind in JSONL:
            return list(next(self._objects(), (0, dict[str, Any]()))[1])
        header = next(self._fields(), None)
        if header is None:
            raise ValueError(f"{self.name}: is empty; its first line should name the columns")
        # The typed header of RecBole's atomic files: `user_id:token`.
        return [_untyped(name) for name in header[1]]

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        require(self, columns)
        if self.kind in PARQUET:
            with _told(self.name, "not Parquet"):
                yield from self._parquet().iter_batches(PIECE_ROWS, columns=list(columns))
        elif self.kind in JSONL:
            yield from self._json_pieces(columns)
        else:
            yield from self._text_pieces(columns)

    def place(self, row: int) -> str:
        if self.kind in PARQUET:
            return f"{self.name}, row {row + 1}"
        rows = self._objects() if self.kind in JSONL else self._fields()
        skipped = 0 if self.kind in JSONL or self.names is not None else 1
        return f"{self.name}:{next((line for number, (line, _) in enumerate(rows) if number == row + skipped), 0)}"

    def _text_pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        names = self.columns()
        named = self.names is not None
        with _told(self.name, "cannot be read"), self._arrow_stream() as stream:
            # One thread: only then do messages tell the row. Batches come in the file's order either way.
            reader = reading.open_csv(
                stream,
                reading.ReadOptions(
                    use_threads=False, block_size=PIECE_BYTES, column_names=names, skip_rows=0 if named else 1
                ),
                reading.ParseOptions(delimiter=self._separator, quote_char='"' if self.kind in CSV else False),
                reading.ConvertOptions(
                    include_columns=list(columns),
                    column_types=dict.fromkeys(columns, pa.string()),
                    strings_can_be_null=False,
                ),
            )
            yield from reader

    def _json_pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        rows: list[Mapping[str, Any]] = []
        for line, row in self._objects():
            missing = [name for name in columns if name not in row]
            if missing:
                raise ValueError(f"{self.name}:{line}: no {missing[0]!r} in this line")
            rows.append(row)
            if len(rows) == PIECE_ROWS:
                yield record_batch(columns, rows)
                rows = []
        if rows:
            yield record_batch(columns, rows)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of JSON Lines, with the lines they stand in."""
        for line, text in enumerate(self._lines(), 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{self.name}:{line}: not JSON: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{self.name}:{line}: not a JSON object but {text.strip()[:40]}")
            yield line, row

    def _fields(self) -> Iterator[tuple[int, list[str]]]:
        """The rows of CSV and TSV, that of the names too, with the lines they begin in."""
        if self.kind not in CSV:
            for line, text in enumerate(self._lines(), 1):
                if text.rstrip("\r\n"):
                    yield line, text.rstrip("\r\n").split(self._separator)
            return
        reader = csv.reader(self._lines(), delimiter=self._separator)
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{self.name}:{line}: not CSV: {error}") from error

    def _lines(self) -> Iterator[str]:
        with self._opened() as lines:
            for line, text in enumerate(lines, 1):
                try:
                    yield text.decode("utf-8-sig" if line == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise ValueError(f"{self.name}:{line}: not UTF-8: {error.reason}") from error

    def _opened(self) -> Any:
        if self.content is not None:
            return io.BytesIO(self.content)
        return gzip.open(self.path) if self.path.suffix.lower() == ".gz" else self.path.open("rb")

    def _arrow_stream(self) -> Any:
        if self.content is not None:
            return pa.BufferReader(self.content)
        return pa.input_stream(str(self.path), compression="detect")

    def _parquet(self) -> Any:
        if self.content is not None:
            return parquet.ParquetFile(pa.BufferReader(self.content))
        return parquet.ParquetFile(self.path)

    @property
    def _separator(self) -> str:
        return self.delimiter or ("," if self.kind in CSV else "\t")


@dataclass(frozen=True)
class TableInMemory:
    """A table that was put together in memory, a `pyarrow.Table`; its rows are those of a file.

    Arguments:
        held: the columns.
        of: the table whose rows these are, for messages.
    """

    held: Any
    of: Table

    @property
    def name(self) -> str:
        return self.of.name

    def columns(self) -> list[str]:
        return list(self.held.column_names)

    def pieces(self, columns: Sequence[str]) -> Iterator[Any]:
        require(self, columns)
        yield from self.held.select(list(columns)).to_batches(PIECE_ROWS)

    def place(self, row: int) -> str:
        return self.of.place(row)


def kind_of(path: Path) -> str:
    """The suffix that says what a table is, without that of a compressed one."""
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last == ".gz" else last


def require(table: Table, columns: Iterable[str]) -> None:
    """Raises ValueError unless a table has these columns, each once."""
    names = table.columns()
    missing = [name for name in columns if name not in names]
    if missing:
        near = [difflib.get_close_matches(name, names, 1) for name in missing]
        meant = "".join(f" Did you mean {match[0]!r}?" for match in near if match)
        there = ", ".join(names)
        raise ValueError(
            f"{table.name}: no column {' and no '.join(map(repr, missing))}.{meant} Columns: {there[:300]}"
        )
    twice = [name for name in columns if names.count(name) > 1]
    if twice:
        raise ValueError(f"{table.name}: two columns are called {twice[0]!r}")


def record_batch(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Any:
    """A piece of rows: text where a column holds any, else what it holds."""
    return pa.RecordBatch.from_arrays([_array([row[name] for row in rows]) for name in columns], list(columns))


def _array(values: list[Any]) -> Any:
    if any(isinstance(value, list) for value in values):
        listed = [value if isinstance(value, list) else [] if value is None else [value] for value in values]
        return pa.array([[_text(part) for part in value] for value in listed], pa.list_(pa.string()))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _untyped(name: str) -> str:
    head, _, kind = name.strip().partition(":")
    return head if kind in ("token", "token_seq", "float", "float_seq") else name.strip()


class _told:
    """A context in which pyarrow's errors become ValueErrors that begin with a file."""

    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, pa.ArrowException):
            raise ValueError(f"{self._name}: {self._what}: {error}") from error
