"""How `toolkit predict` reads texts for a model that tells their classes. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from toolkit_text.labelled import READING_FILE, Reading
from toolkit_text.notes import counted, note
from toolkit_text.tables import SUFFIXES, is_table, read_table
from toolkit_text.texts import padded
from toolkit_text.tokenizer import Tokenizer


class LineReader:
    """A line of a text file is a sample, and so is a row of a table: tokens, int64 `(length,)`.

    Empty lines are left out. Of a table the column is read that the texts were in when the model was trained.

    Arguments:
        facts: of the dataset: `pad_id`.
        run_files: what the run has kept: its tokenizer, and how it read texts.
    """

    suffixes = frozenset((".txt", *SUFFIXES))

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        self.pad_id: int = facts["pad_id"]
        self.reading = Reading.from_bytes(run_files[READING_FILE])
        self.encoder = self.reading.encoder(Tokenizer.from_files(run_files))

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """Raises ValueError where it is no text, or no such table."""
        if is_table(Path(name)):
            table = read_table(name, [self.reading.column], encoding=self.reading.encoding)
            lines, texts = list(table.lines), list(table.columns[self.reading.column])
        else:
            lines, texts = self._lines(name, stream)
        encoded = self.encoder.encode(texts)
        if encoded.cut:
            longer = f"longer than {self.reading.max_length} tokens"
            note(f"{name}: {counted(encoded.cut, 'text')} {longer}: the rest of each is left out")
        several = len(texts) > 1
        for number, line in enumerate(lines):
            yield (f"{name}:{line}" if several else name), encoded[number]

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        """Tokens `(batch, longest length)`."""
        return padded(samples, self.pad_id)

    def _lines(self, name: str, stream: BinaryIO) -> tuple[list[int], list[str]]:
        encoding = self.reading.encoding
        try:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == "utf-8" else encoding).read()
        except UnicodeError as error:
            raise ValueError(f"not {encoding}: {error}") from error
        found = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not found:
            raise ValueError("holds no text")
        return [number for number, _ in found], [line for _, line in found]
