"""Texts for predictions of a language model. Imports torch when a batch is made, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit_text.notes import counted, note
from toolkit_text.raw_texts import called, raw_texts, tell_unknown
from toolkit_text.reading import READING_FILE, FileReading
from toolkit_text.tables import SUFFIXES
from toolkit_text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


class TextReader:
    """A line of a text file is a sample, and so is a row of a table, behind the token that ends a text.

    What is empty is left out. Files are in the encoding of those that were trained on, and of a table the same column
    is read. Notes count what was left out, or unknown to the tokenizer.

    Arguments:
        facts: what the dataset of the run knew about itself.
        run_files: what the run has kept: its tokenizer, and how it read files where that was said.
    """

    suffixes = frozenset((".txt", *SUFFIXES))

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        self._tokenizer = Tokenizer.from_files(run_files)
        kept = run_files.get(READING_FILE)
        self._reading = FileReading() if kept is None else FileReading.from_bytes(kept)

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """The texts, called `name:line`, as tokens `(length,)`.

        Raises:
            ValueError: it is no text, no such table, or all of it is empty.
        """
        import torch

        where = called(name, stream)
        found = empty = unknown = 0
        for number, text in raw_texts(name, stream, self._reading):
            ids = self._tokenizer.encode(text)
            if ids:
                found += 1
                unknown += self._tokenizer.unknown(ids)
                yield f"{name}:{number}", torch.tensor([self._tokenizer.eos_id, *ids])
            else:
                empty += 1
        if not found:
            raise ValueError("holds no text")
        if empty:
            note(f"{where}: {counted(empty, 'text')} without tokens left out")
        tell_unknown(unknown, where)

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        """Tokens `(batch, length)` with padding after the shorter texts."""
        from torch.nn.utils.rnn import pad_sequence

        return pad_sequence(list(samples), batch_first=True, padding_value=self._tokenizer.pad_id)
