"""How `toolkit predict` reads texts to translate. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import torch
from torch import Tensor

from toolkit_text.line_reader import LineReader


class SourceReader(LineReader):
    """A line of a text file is translated, and so is a row of a table: tokens and eos, int64 `(length,)`.

    Empty lines are left out. Of a table the column of sources is read.

    Arguments:
        facts: of the dataset: `pad_id` and `eos_id`.
        run_files: what the run has kept: its tokenizer, and how it read texts.
    """

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        super().__init__(facts, run_files)
        self.eos = torch.tensor([facts["eos_id"]])

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """Raises ValueError where it is no text, or no such table."""
        for place, tokens in super().read(name, stream):
            yield place, torch.cat((tokens, self.eos))
