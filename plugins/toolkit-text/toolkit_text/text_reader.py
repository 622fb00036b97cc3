"""Texts for predictions of a language model. Imports torch when a batch is made, nothing of the toolkit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit_text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


class TextReader:
    """Every line of a file of text in UTF-8 that is not empty is a sample, behind the token that ends a text.

    Arguments:
        facts: what the dataset of the run knew about itself.
        run_files: what the run has kept, the tokenizer among them.
    """

    suffixes = frozenset({".txt"})

    def __init__(self, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> None:
        self._tokenizer = Tokenizer.from_files(run_files)

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor]]:
        """The lines, called `name:line`, as tokens `(length,)`.

        Raises:
            ValueError: it is no UTF-8, or has no lines that are not empty.
        """
        import torch

        found = False
        try:
            for number, line in enumerate(io.TextIOWrapper(stream, encoding="utf-8-sig"), 1):
                ids = self._tokenizer.encode(line.rstrip("\n"))
                if ids:
                    found = True
                    yield f"{name}:{number}", torch.tensor([self._tokenizer.eos_id, *ids])
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8: the byte 0x{error.object[error.start]:02x} ({error.reason})") from error
        if not found:
            raise ValueError("no text in it")

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        """Tokens `(batch, length)` with padding after the shorter texts."""
        from torch.nn.utils.rnn import pad_sequence

        return pad_sequence(list(samples), batch_first=True, padding_value=self._tokenizer.pad_id)
