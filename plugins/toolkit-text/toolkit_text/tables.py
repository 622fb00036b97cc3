"""Tables in files, column by column: CSV, TSV, JSON Lines, Parquet. Imports pyarrow for Parquet, nothing else heavy."""

from __future__ import annotations

import csv
import difflib
import gzip
import importlib
import io
import json
import lzma
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from toolkit_text.notes import counted, note

_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
COMPRESSED = tuple(_OPENERS)
DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
"""What reading a compressed file raises where it is none, or not whole."""
CSV, TSV, JSONL, PARQUET = (".csv",), (".tsv", ".tab"), (".jsonl", ".ndjson"), (".parquet",)
SUFFIXES = (*CSV, *TSV, *JSONL, *PARQUET)
"""What the names of tables end in; all but Parquet may be compressed, as `.tsv.gz` or `.jsonl.xz`."""


@dataclass(frozen=True)
class Table:
    """Some columns of a table; every value is a string, and one that is missing an empty one."""

    file: Path
    columns: Mapping[str, Sequence[str]]
    """By name, in the order of the rows."""
    lines: Sequence[int]
    """The line that each row begins in, from 1; of a Parquet file the number of the row."""

    def __len__(self) -> int:
        return len(self.lines)

    def at(self, row: int) -> str:
        """The place of a row in the file, for messages: `texts.csv:17`."""
        return f"{self.file}:{self.lines[row]}"


def read_table(
    file: str | Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
) -> Table:
    r"""Columns of a table in a file. The end of the file's name says what it is.

    ==================  ============================================================================================
    `.csv`              commas; fields may be quoted by `"`, a quote inside is doubled, and may span lines
    `.tsv`, `.tab`      tabs, and **no quoting**: a quote is a character like any other, and a line is a row
    `.jsonl, .ndjson`   a JSON object in every line; its numbers and truth values become strings as JSON writes them
    `.parquet`          needs pyarrow: `pip install 'toolkit-text[parquet]'`
    ==================  ============================================================================================

    The first three may be compressed by gzip or xz: `texts.tsv.gz`. The first line of CSV and TSV names the columns.
    Empty lines are left out, which a note tells.

    Arguments:
        file: the table.
        columns: those that are needed.
        optional: those that are read where they are there.
        names: of all the columns of a CSV or TSV file without a line that names them.
        encoding: of the text, as Python calls it; a byte order mark is left out of UTF-8.

    Raises:
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: it is no such table, has no such columns, or no rows. The message begins with the file, and the line
            where there is one.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; give a table that ends in {', '.join(SUFFIXES)}")
    kind = kind_of(path)
    if names is not None and not may_lack_names(path):
        raise ValueError(f"{path}: its columns have names already, and columns={list(names)} are given")
    if kind in PARQUET:
        table = _parquet(path, columns, optional)
    else:
        table = _text(path, kind, columns, optional, names, encoding)
    if not table.lines:
        raise ValueError(f"{path}: has no rows")
    return table


def is_table(path: Path) -> bool:
    """Whether a file's name ends as a table's does."""
    return _suffix(path) in SUFFIXES


def may_lack_names(path: Path) -> bool:
    """Whether a table is of a kind whose first line may be a row, and no names of columns."""
    return _suffix(path) in (*CSV, *TSV)


def kind_of(path: Path) -> str:
    """The suffix that says what a table is, without that of a compressed one.

    Raises:
        ValueError: there is none.
    """
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a table's name ends in {', '.join(SUFFIXES)} (or one of these and .gz or .xz)")
    if suffix in PARQUET and path.suffix.lower() in COMPRESSED:
        raise ValueError(f"{path}: Parquet is compressed inside; unpack this file")
    return suffix


def _suffix(path: Path) -> str:
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last in COMPRESSED else last


@contextmanager
def opened(path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A file of text, compressed or not; its lines end in a line feed, and a carriage return before it is kept.

    Raises:
        ValueError: while it is read: a damaged archive, or bytes that are no text in this encoding; with file and line.
    """
    try:
        used = codec(encoding)
        with io.TextIOWrapper(_binary(path), encoding=used, newline="\n") as stream:
            yield stream
    except UnicodeDecodeError as error:
        raise ValueError(_undecodable(path, used, encoding)) from error
    except UnicodeError as error:  # UTF-16 without a byte order mark, say
        raise ValueError(f"{path}: not {encoding}: {error}") from error
    except LookupError as error:
        if "encoding" not in str(error):
            raise
        raise ValueError(f"encoding={encoding!r}: {error}") from error
    except DAMAGED as error:
        raise ValueError(f"{path}: damaged: {error}") from error


def codec(encoding: str) -> str:
    """What reads an encoding: UTF-8 with a byte order mark or without."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def decompressed(stream: BinaryIO, path: Path) -> Any:
    """What is in a file that is open: the end of its name says whether it is compressed."""
    opener = _OPENERS.get(path.suffix.lower())
    return stream if opener is None else opener(stream)


def _binary(path: Path) -> Any:
    return _OPENERS.get(path.suffix.lower(), open)(path, "rb")


def _undecodable(path: Path, used: str, encoding: str) -> str:
    """Decoders of streams count from the block that they are in: the line is found by decoding once more."""
    with _binary(path) as stream:
        content: bytes = stream.read()
    try:
        content.decode(used)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(used, errors="ignore").count("\n") + 1
        hint = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1, cp1252, utf-16, ..."
        return (
            f"{path}:{line}: not {encoding}: the byte 0x{content[error.start]:02x} ({error.reason}); "
            f"give the file's encoding ({hint})"
        )
    raise AssertionError("decoded now, and not before")


@dataclass(frozen=True)
class _Row:
    line: int
    values: Sequence[Any]


def _text(
    path: Path,
    kind: str,
    columns: Sequence[str],
    optional: Sequence[str],
    names: Sequence[str] | None,
    encoding: str,
) -> Table:
    empty = _EmptyLines()
    with opened(path, encoding) as stream:
        if kind in JSONL:
            table = _objects(path, _filled(stream, empty), columns, optional)
        else:
            rows = _csv_rows(path, stream, empty) if kind in CSV else _tsv_rows(stream, empty)
            table = _fields(path, rows, columns, optional, names)
    if empty.count:
        note(f"{path}: {counted(empty.count, 'empty line')} left out")
    return table


class _EmptyLines:
    """Counts what is left out."""

    count = 0


def _filled(stream: TextIO, empty: _EmptyLines) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without what ends them; not those with nothing in them."""
    for number, line in enumerate(stream, 1):
        text = line.rstrip("\n").removesuffix("\r")
        if text.strip(" "):
            yield number, text
        else:
            empty.count += 1


def _tsv_rows(stream: TextIO, empty: _EmptyLines) -> Iterator[_Row]:
    for number, line in _filled(stream, empty):
        yield _Row(number, line.split("\t"))


def _csv_rows(path: Path, stream: TextIO, empty: _EmptyLines) -> Iterator[_Row]:
    reader = csv.reader(stream, strict=True)
    line = 1
    # Texts of books are longer than what the module takes unless it is told; the limit is the whole process's.
    limit = csv.field_size_limit(sys.maxsize)
    try:
        for fields in reader:
            if fields:
                yield _Row(line, fields)
            else:
                empty.count += 1
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}:{line}: not CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _fields(
    path: Path, rows: Iterator[_Row], columns: Sequence[str], optional: Sequence[str], names: Sequence[str] | None
) -> Table:
    """Columns of rows of fields, of which all have as many."""
    if names is None:
        header = next(rows, None)
        if header is None:
            raise ValueError(f"{path}: is empty; its first line should name the columns, {' and '.join(columns)} too")
        names = [name.strip() for name in header.values]
        where, named = f"{path}:{header.line}", "the first line names"
    else:
        where, named = str(path), "the recipe names"
    wanted = _wanted(where, names, columns, optional)
    places = {name: names.index(name) for name in wanted}
    found: dict[str, list[str]] = {name: [] for name in wanted}
    lines = []
    for row in rows:
        if len(row.values) != len(names):
            fields = counted(len(row.values), "field")
            raise ValueError(f"{path}:{row.line}: {fields} in this line, and {named} {counted(len(names), 'column')}")
        for name, place in places.items():
            found[name].append(row.values[place])
        lines.append(row.line)
    return Table(path, found, lines)


def _objects(path: Path, rows: Iterator[tuple[int, str]], columns: Sequence[str], optional: Sequence[str]) -> Table:
    """Columns of JSON objects; what is optional is read where the first one has it."""
    found: dict[str, list[str]] = {}
    lines = []
    for line, text in rows:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}:{line}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{path}:{line}: not a JSON object but {text[:40]}")
        if not found:
            found = {name: [] for name in _wanted(f"{path}:{line}", list(row), columns, optional)}
        for name, values in found.items():
            if name not in row:
                raise ValueError(f"{path}:{line}: no {name!r} in this line")
            values.append(_as_string(row[name], name, f"{path}:{line}"))
        lines.append(line)
    return Table(path, found, lines)


def _parquet(path: Path, columns: Sequence[str], optional: Sequence[str]) -> Table:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
        errors = importlib.import_module("pyarrow").ArrowException
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise ModuleNotFoundError(
            f"{path}: pyarrow is not installed: pip install 'toolkit-text[parquet]'", name="pyarrow"
        ) from None
    try:
        content = parquet.ParquetFile(path)
        wanted = _wanted(str(path), content.schema_arrow.names, columns, optional)
        read = content.read(columns=wanted)
    except errors as error:
        raise ValueError(f"{path}: not Parquet: {error}") from error
    found = {
        name: [_as_string(value, name, f"{path}:{row}") for row, value in enumerate(read[name].to_pylist(), 1)]
        for name in wanted
    }
    return Table(path, found, range(1, read.num_rows + 1))


def _wanted(where: str, names: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    """The names of those columns that are read.

    Raises:
        ValueError: one that is needed is not there, or one is there twice.
    """
    wanted = [*columns, *(name for name in optional if name in names and name not in columns)]
    missing = [name for name in columns if name not in names]
    if missing:
        near = [difflib.get_close_matches(name, names, 1) for name in missing]
        meant = "".join(f" Did you mean {match[0]!r}?" for match in near if match)
        there = ", ".join(name for name in names if name) or "none"
        raise ValueError(f"{where}: no column {' and no '.join(map(repr, missing))}.{meant} Columns: {there[:300]}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise ValueError(f"{where}: two columns are called {twice[0]!r}")
    return wanted


def _as_string(value: Any, name: str, where: str) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise ValueError(f"{where}: {name!r} holds a {type(value).__name__}, not a text or a number")
