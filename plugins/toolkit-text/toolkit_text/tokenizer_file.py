"""A tokenizer that somebody has trained before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit_text.tokenizer import SPECIALS, Tokenizer


class TokenizerFile:
    """A file `tokenizer.json`, as the library `tokenizers` writes it and models of the Hugging Face hub come with.

    Arguments:
        file: the file.
        specials: what it calls padding, unknown tokens, the beginning and the end of a text, in this order; one name
            may stand for several, as `<|endoftext|>` does in GPT-2.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or has no such tokens.
    """

    def __init__(self, file: str, specials: Sequence[str] = SPECIALS) -> None:
        path = Path(file).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"file={str(path)!r} is not a file; give a tokenizer.json")
        if len(specials) != len(SPECIALS):
            raise ValueError(f"specials={list(specials)}: four names, of padding, unknown, beginning and end")
        try:
            self._tokenizer = Tokenizer.from_bytes(path.read_bytes(), specials)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        return self._tokenizer
