"""How `toolkit predict` reads rows of features. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from toolkit_recsys.clicks.schema import SCHEMA_FILE, Schema, tensors
from toolkit_recsys.clicks.tables import JSONL, SUFFIXES, Table, open_table, table_of_text
from toolkit_recsys.notes import counted, note
from toolkit_recsys.table_files import PARQUET
from toolkit_recsys.text_rows import suffix_of


class RowReader:
    """Rows of a table with the columns that the model was trained on are samples; the target need not be there.

    A sample is called by its file and the number of its row, from 1. Standard input, and files whose names do not say
    what they are, hold JSON Lines where they begin with a brace, else CSV. What the training rows did not have is the
    unknown value, and a note tells how often.

    Arguments:
        facts: of the dataset.
        run_files: what the run has kept: how columns became numbers.
    """

    suffixes = frozenset(SUFFIXES)

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        self.schema = Schema.from_bytes(run_files[SCHEMA_FILE])

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Raises ValueError where it is no such table."""
        table = self._table(name, stream)
        unknown = dict.fromkeys((each.name for each in self.schema.categorical), 0)
        first = 0
        for piece in table.pieces(self.schema.columns):

            def place(row: int, first: int = first) -> str:
                return table.place(first + row)

            arrays = self.schema.encode(piece, place)
            samples = tensors(arrays)
            for number, field in enumerate(self.schema.categorical):
                unknown[field.name] += int((arrays["categorical"][:, number] == 0).sum())
            for row in range(piece.num_rows):
                yield f"{name}:{first + row + 1}", {key: part[row] for key, part in samples.items()}
            first += piece.num_rows
        if not first:
            raise ValueError("holds no rows")
        for field_name, count in unknown.items():
            if count:
                note(f"{name}: {counted(count, 'value')} of {field_name!r} missing, or not seen in training")

    def _table(self, name: str, stream: BinaryIO) -> Table:
        path = Path(name)
        suffix = suffix_of(path)
        if suffix not in SUFFIXES or not path.is_file():
            return table_of_text(stream.read(), path, self.schema.names)
        if suffix in (*JSONL, *PARQUET):
            return open_table(path)
        return open_table(path, self.schema.names, self.schema.delimiter)
