"""Tables in files of text, row by row: slow, and knows the line of everything. Imports nothing heavy.

`toolkit_recsys.columns` reads with pyarrow, which is fast and says little of where something is wrong. It comes here
for the names of the columns, and again to find the line when something was wrong.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

COMPRESSED = (".gz", ".xz")
CSV, TSV, ATOMIC = (".csv",), (".tsv", ".tab"), (".inter", ".user", ".item")
UNIT = "\x1f"
"""ASCII's unit separator: stands for separators of several characters, which readers of CSV do not take."""


@dataclass(frozen=True)
class Format:
    """How the text of a table is to be read."""

    separator: str
    quoted: bool
    """Whether fields may be in double quotes, and then span lines."""
    encoding: str = "utf-8"

    @property
    def delimiter(self) -> str:
        """One character."""
        return self.separator if len(self.separator) == 1 else UNIT


def suffix_of(path: Path) -> str:
    """What a file's name ends in, without that of a compressed one."""
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last in COMPRESSED else last


def binary(path: Path) -> Any:
    """A file opened for reading, unpacked."""
    suffix = path.suffix.lower()
    return gzip.open(path) if suffix == ".gz" else lzma.open(path) if suffix == ".xz" else path.open("rb")


def rows(path: Path, form: Format) -> Iterator[tuple[int, Sequence[str]]]:
    """The fields of each row that is not empty, with the line that it begins in, from 1.

    Raises:
        ValueError: a damaged archive, bytes that are no text in this encoding, or quotes that do not close.
    """
    with _opened(path, form.encoding) as stream:
        if not form.quoted:
            for number, line in enumerate(stream, 1):
                text = line.rstrip("\n").removesuffix("\r")
                if text:
                    yield number, text.split(form.separator)
            return
        reader = csv.reader(stream, delimiter=form.separator, strict=True)
        line_number = 1
        try:
            for fields in reader:
                if fields:
                    yield line_number, fields
                line_number = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{path}:{line_number}: not CSV: {error}") from error


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    try:
        # utf-8-sig reads UTF-8 with a byte order mark or without.
        used = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        with io.TextIOWrapper(binary(path), encoding=used, newline="\n") as stream:
            yield stream
    except UnicodeDecodeError as error:
        raise ValueError(_undecodable(path, used, encoding)) from error
    except UnicodeError as error:  # UTF-16 without a byte order mark, say
        raise ValueError(f"{path}: not {encoding}: {error}") from error
    except LookupError as error:
        if "encoding" not in str(error):
            raise
        raise ValueError(f"encoding={encoding!r}: {error}") from error
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"{path}: damaged: {error}") from error


def _undecodable(path: Path, used: str, encoding: str) -> str:
    """Decoders of streams count from the block that they are in: the line is found by decoding once more."""
    with binary(path) as stream:
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
