"""How `toolkit predict` reads texts for a model that tells their classes. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from torch import Tensor

from toolkit_text.raw_texts import called, raw_texts, tell_of
from toolkit_text.reading import READING_FILE, Reading
from toolkit_text.tables import SUFFIXES
from toolkit_text.texts import Encoder, padded
from toolkit_text.tokenizer import Tokenizer


class LineReader:
    """A line of a text file is a sample, and so is a row of a table: tokens, int64 `(length,)`.

    Empty lines are left out. Of a table the column is read that the texts were in when the model was trained. Notes
    count what was left out, cut, or unknown to the tokenizer.

    Arguments:
        facts: of the dataset: `pad_id`.
        run_files: what the run has kept: its tokenizer, and how it read texts.
    """

    suffixes = frozenset((".txt", *SUFFIXES))

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        self.pad_id: int = facts["pad_id"]
        self.reading = Reading.from_bytes(run_files[READING_FILE])
        self.encoder = Encoder(Tokenizer.from_files(run_files), self.reading.max_length, self.reading.ends)

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """Raises ValueError where it is no text, or no such table."""
        where = called(name, stream)
        lines, texts = zip(*raw_texts(name, stream, self.reading), strict=True)
        encoded = self.encoder.encode(texts)
        tell_of(encoded, self.reading.max_length, where)
        several = len(texts) > 1
        for number, line in enumerate(lines):
            yield (f"{name}:{line}" if several else name), encoded[number]

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        """Tokens `(batch, longest length)`."""
        return padded(samples, self.pad_id)
