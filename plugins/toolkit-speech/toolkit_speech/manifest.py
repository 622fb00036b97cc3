"""Lists of recordings in files of text: CSV, TSV, JSON Lines. Imports nothing heavy."""

from __future__ import annotations

import csv
import difflib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit_speech.notes import counted, note

CSV, TSV, JSONL = (".csv",), (".tsv", ".tab"), (".jsonl", ".ndjson")
SUFFIXES = (*CSV, *TSV, *JSONL)


class Columns(NamedTuple):
    """What the columns of a manifest are called."""

    audio: str
    text: str
    seconds: str
    split: str


class Row(NamedTuple):
    """One recording."""

    line: int
    """Of the manifest, for messages."""
    audio: str
    """The file, as the manifest has it."""
    text: str
    seconds: float | None
    split: str | None


def read_manifest(file: str, columns: Columns, names: Sequence[str] | None) -> list[Row]:
    r"""The rows of a manifest.

    In CSV fields may be quoted; in TSV quotes are characters. The first line names the columns unless `names` does. A
    line of JSON Lines is an object. Text is UTF-8; empty lines are left out, which a note tells.

    Arguments:
        file: ends in .csv, .tsv, .tab, .jsonl or .ndjson.
        columns: their names; those of seconds and splits need not be there.
        names: of all the columns of a file whose first line does not name them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no manifest; the message begins with the file, and the line where there is one.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; give a manifest that ends in {', '.join(SUFFIXES)}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a manifest's name ends in {', '.join(SUFFIXES)}")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: not UTF-8: the byte 0x{error.object[error.start]:02x}") from error
    lines = content.split("\n")
    empty = sum(not line.strip() for line in lines[:-1])
    if empty:
        note(f"{path}: {counted(empty, 'empty line')} left out")
    if suffix in JSONL:
        if names is not None:
            raise ValueError(f"{path}: its columns have names already, and columns={list(names)} are given")
        found = list(_objects(path, lines, columns))
    else:
        rows = _csv_rows(path, lines) if suffix in CSV else _tsv_rows(lines)
        found = list(_fields(path, rows, columns, names))
    if not found:
        raise ValueError(f"{path}: lists no recordings")
    return found


def _tsv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line.removesuffix("\r").split("\t")


def _csv_rows(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    line = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}:{line}: not CSV: {error}") from error


def _fields(
    path: Path, rows: Iterator[tuple[int, list[str]]], columns: Columns, names: Sequence[str] | None
) -> Iterator[Row]:
    where, named = str(path), "columns gives"
    if names is None:
        first = next(rows, None)
        if first is None:
            raise ValueError(f"{path}: is empty; its first line should name the columns, {columns.audio} too")
        where, named, names = f"{path}:{first[0]}", "the first line names", [name.strip() for name in first[1]]
    _check(where, names, columns)
    for line, fields in rows:
        if len(fields) != len(names):
            there = counted(len(fields), "field")
            raise ValueError(f"{path}:{line}: {there} in this line, and {named} {counted(len(names), 'column')}")
        yield _row(path, line, dict(zip(names, fields, strict=True)), columns)


def _objects(path: Path, lines: Iterable[str], columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{path}:{number}: not a JSON object but {line[:40]}")
        _check(f"{path}:{number}", list(row), columns)
        yield _row(path, number, row, columns)


def _check(where: str, names: Sequence[str], columns: Columns) -> None:
    missing = [name for name in (columns.audio, columns.text) if name not in names]
    if missing:
        near = [difflib.get_close_matches(name, names, 1) for name in missing]
        meant = "".join(f" Did you mean {match[0]!r}?" for match in near if match)
        there = ", ".join(name for name in names if name) or "none"
        raise ValueError(f"{where}: no column {' and no '.join(map(repr, missing))}.{meant} Columns: {there[:300]}")
    twice = [name for name in columns if name and names.count(name) > 1]
    if twice:
        raise ValueError(f"{where}: two columns are called {twice[0]!r}")


def _row(path: Path, line: int, values: dict[str, Any], columns: Columns) -> Row:
    audio, text = values[columns.audio], values[columns.text]
    for name, value in ((columns.audio, audio), (columns.text, text)):
        if not isinstance(value, str):
            raise ValueError(f"{path}:{line}: {name!r} holds {json.dumps(value)[:40]}, which is no text")
    audio = audio.strip()
    if not audio:
        raise ValueError(f"{path}:{line}: no {columns.audio!r} in this line")
    split = values.get(columns.split)
    return Row(
        line,
        audio,
        text,
        _seconds(path, line, values.get(columns.seconds)),
        None if split is None else str(split).strip(),
    )


def _seconds(path: Path, line: int, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{path}:{line}: a length of {value!r} seconds")
    return seconds
