"""What a text is made into before errors in it are counted. Imports nothing heavy."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Normaliser = Literal["none", "basic"]


def normalised(text: str, how: Normaliser) -> str:
    """A text as errors in it are counted.

    `none` joins what whitespace separates by single spaces. `basic` also takes compatible characters for the same
    (NFKC) and capital letters for small ones, and takes out marks and symbols (Unicode's categories P and S): in their
    place is a space, but nothing in place of an apostrophe between two letters, which stays.
    """
    if how == "basic":
        text = unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        text = _APOSTROPHE.sub(_kept, text.translate(_PLACES))
    return " ".join(text.split())


class _Places(dict[int, str]):
    """What stands in the place of a character. Each is looked up in Unicode once: a thousand hours of speech have fifty
    million of them.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        marked = unicodedata.category(character)[0] in "PS" and character != "'"
        self[code] = " " if marked else character
        return self[code]


_PLACES = _Places()
_APOSTROPHE = re.compile("'")


def _kept(found: re.Match[str]) -> str:
    """An apostrophe between two letters, else a space."""
    text, place = found.string, found.start()
    return "'" if text[max(0, place - 1) : place].isalpha() and text[place + 1 : place + 2].isalpha() else " "
