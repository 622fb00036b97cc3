"""How `toolkit predict` reads texts to translate. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit_text.line_reader import LineReader
from toolkit_text.translation.source_encoder import SourceEncoder


class SourceReader(LineReader):
    """A line of a text file is translated, and so is a row of a table: tokens, int64 `(length,)`.

    Empty lines are left out. Of a table the column of sources is read.

    Arguments:
        facts: of the dataset: `pad_id`.
        run_files: what the run has kept: its tokenizer and memory, and how it read texts.
    """

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        super().__init__(facts, run_files)
        self.encoder = SourceEncoder.from_files(run_files)
