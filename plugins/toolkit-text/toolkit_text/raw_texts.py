"""The texts of raw inputs, for predictions, and what is told of them. Imports nothing heavy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from toolkit_text.notes import counted, note
from toolkit_text.reading import FileReading
from toolkit_text.tables import DAMAGED, codec, decompressed, is_table, may_lack_names, read_table

if TYPE_CHECKING:
    from toolkit_text.texts import Encoded

PROMPTS = "prompts"
"""What notes call texts that were given on the command line."""


def raw_texts(name: str, stream: BinaryIO, reading: FileReading) -> Iterator[tuple[int, str]]:
    """The texts of an input, each with its line: the lines of a text that are not empty, or the rows of a table.

    How many empty lines were left out, a note tells at the end.

    Arguments:
        name: of a file, compressed or not; or a prompt itself, and then `stream` has nothing else.
        stream: open for reading, at the beginning.
        reading: of the run.

    Raises:
        ValueError: it is no text, no such table, or there is no text in it.
    """
    # A prompt may end as the name of a table does.
    prompted = _is_prompt(name, stream)
    if not prompted and is_table(Path(name)):
        # What the run was trained on says nothing of tables that name their columns always.
        names = reading.columns if may_lack_names(Path(name)) else None
        table = read_table(name, [reading.column], names=names, encoding=reading.encoding)
        yield from zip(table.lines, table.columns[reading.column], strict=True)
        return
    found = empty = 0
    lines = io.StringIO(name, newline=None) if prompted else _lines(name, stream, reading.encoding)
    for number, line in enumerate(lines, 1):
        if line.strip():
            found += 1
            yield number, line.removesuffix("\n")
        else:
            empty += 1
    if not found:
        raise ValueError("holds no text")
    if empty:
        note(f"{PROMPTS if prompted else name}: {counted(empty, 'empty line')} left out")


def called(name: str, stream: BinaryIO) -> str:
    """What notes call the input that `raw_texts` is to read: a prompt may be long."""
    return PROMPTS if _is_prompt(name, stream) else name


def tell_of(encoded: Encoded, max_length: int, where: str) -> None:
    """Notes on what a model is given otherwise than it was written.

    Arguments:
        encoded: the texts.
        max_length: tokens of a text at most.
        where: whose texts they are: the name of a file, say.
    """
    if encoded.cut:
        texts = counted(encoded.cut, "text")
        note(f"{where}: {texts} longer than {max_length} tokens: the rest of each is left out")
    if encoded.empty:
        note(f"{where}: {counted(encoded.empty, 'text')} without tokens: each is one unknown token")
    tell_unknown(encoded.unknown, where)


def tell_unknown(tokens: int, where: str) -> None:
    """A note on tokens that stand for what the tokenizer does not know, where there are such."""
    if tokens:
        note(f"{where}: {counted(tokens, 'token')} unknown to the tokenizer of the run")


def _is_prompt(name: str, stream: BinaryIO) -> bool:
    # The toolkit gives a prompt as bytes in UTF-8, whatever files are in.
    return isinstance(stream, io.BytesIO) and stream.getvalue() == name.encode()


def _lines(name: str, stream: BinaryIO, encoding: str) -> Iterator[str]:
    try:
        lines: TextIO = io.TextIOWrapper(decompressed(stream, Path(name)), encoding=codec(encoding))
        yield from lines
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{error.object[error.start]:02x} ({error.reason})"
        raise ValueError(f"not {encoding}, as the texts of the run are: {byte}") from error
    except UnicodeError as error:  # UTF-16 without a byte order mark, say
        raise ValueError(f"not {encoding}, as the texts of the run are: {error}") from error
    except DAMAGED as error:
        raise ValueError(f"damaged: {error}") from error
