"""What a text is made into before errors in it are counted. Imports nothing heavy."""

from __future__ import annotations

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
        text = "".join(_kept(text, place) for place in range(len(text)))
    return " ".join(text.split())


def _kept(text: str, place: int) -> str:
    character = text[place]
    if character == "'" and text[place - 1 : place].isalpha() and text[place + 1 : place + 2].isalpha():
        return character
    return " " if unicodedata.category(character)[0] in "PS" else character
