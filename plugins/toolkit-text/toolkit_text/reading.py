"""How texts are read: what a run keeps of it, so that those of a prediction are read alike. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

READING_FILE = "reading.json"


@dataclass(frozen=True, kw_only=True)
class FileReading:
    """How files of texts are read."""

    column: str = "text"
    """Of a table, the one with the texts."""
    columns: Sequence[str] | None = None
    """The names of all columns of a CSV or TSV file without a first line that names them."""
    encoding: str = "utf-8"
    """Of files."""

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, file: bytes) -> Self:
        return cls(**json.loads(file))


@dataclass(frozen=True)
class Reading(FileReading):
    """How texts are read that a model is given whole."""

    max_length: int
    """Tokens of a text at most."""
    ends: bool = False
    """Whether a text begins and ends with the tokens for that."""

    def __post_init__(self) -> None:
        least = 3 if self.ends else 1
        if self.max_length < least:
            raise ValueError(f"max_length={self.max_length}: a number of tokens from {least} up")
