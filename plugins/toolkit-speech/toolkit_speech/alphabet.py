"""The characters that a model writes, and their numbers. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

FILE = "alphabet.json"
"""What a run keeps the alphabet of its data as."""


class Alphabet:
    """Numbers for characters, from 1 up; 0 is no character.

    Arguments:
        characters: each once.

    Raises:
        ValueError: one is there twice, or is no single character.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = ["", *characters]
        """By number; nothing is what 0 says."""
        self._numbers = {character: number for number, character in enumerate(self.characters)}
        if len(self._numbers) < len(self.characters) or any(len(each) != 1 for each in self.characters[1:]):
            raise ValueError("an alphabet is made of single characters, each of them once")

    @property
    def vocab_size(self) -> int:
        """Characters, and one for none."""
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's characters.

        Raises:
            ValueError: a character is not in the alphabet; the message names it.
        """
        unknown = sorted({character for character in text if character not in self._numbers})
        if unknown:
            raise ValueError(f"not in the alphabet: {', '.join(map(repr, unknown))}")
        return [self._numbers[character] for character in text]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of numbers."""
        return "".join(self.characters[token] for token in tokens)

    def to_files(self) -> dict[str, bytes]:
        """What a run keeps, for `from_files`."""
        return {FILE: json.dumps(self.characters[1:], ensure_ascii=False).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Alphabet:
        """From what a run has kept.

        Raises:
            KeyError: there is none.
        """
        return cls(json.loads(files[FILE]))
