"""``key=value`` from the command line or from Python, as a layer over a recipe. Imports as little as the reader."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from toolkit.errors import Place, Problem, RecipeError
from toolkit.recipe.node import Node
from toolkit.recipe.reader import MAX_DEPTH, read_value

_WHOLE = re.compile(r"[\w./-]+=")
"""How an override begins that is one by itself, and no value such as ``>= 0.9``."""


def override_place(text: str, index: int, given_in: str) -> Place:
    """The place of an override for messages: ``command line: lr=1``, or ``overrides[0]: lr=1`` from Python."""
    return Place(f"{given_in}: {text}" if given_in == "command line" else f"{given_in}[{index}]: {text}")


def spaced_apart(overrides: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each override with its index, in one word; in two or three where spaces were typed around its ``=``."""
    index = 0
    while index < len(overrides):
        text, *behind = overrides[index : index + 3]
        count = 1
        if behind and text and "=" not in text and behind[0].startswith("="):
            count = 2 if behind[0] != "=" or len(behind) == 1 or _WHOLE.match(behind[1]) else 3
        elif behind and text.find("=") == len(text) - 1 > 0 and not _WHOLE.match(behind[0]):
            count = 2
        yield index, tuple(overrides[index : index + count])
        index += count


def without_spaces(words: Sequence[str]) -> str:
    """What is wrong with an override in several words."""
    text = "".join(words)
    return f"write {shlex.quote(f'{text}VALUE' if text.endswith('=') else text)} without spaces around `=`"


def read_override(text: str, place: Place) -> Node:
    """``optimizer.lr=0.1`` as the layer ``{optimizer: {lr: 0.1}}``.

    Raises RecipeError for one without ``=``, an empty key, or a value that recipes may not hold.
    """
    if not text.isascii() and text != text.encode(errors="replace").decode():
        # What the shell passed on was not UTF-8.
        raise RecipeError([Problem(place, "", "an override must be Unicode text")])
    key, equals, value = text.partition("=")
    if not equals:
        message = f"an override is written key=value, such as {key}=1" if key else "an override is written key=value"
        raise RecipeError([Problem(place, "", message)])
    parts = key.strip().split(".")
    if not all(part.strip() == part and part for part in parts):
        raise RecipeError([Problem(place, "", f"{key.strip()!r} is not a key: write names with dots between them")])
    if len(parts) > MAX_DEPTH:
        raise RecipeError([Problem(place, "", f"nested more than {MAX_DEPTH} levels deep")])
    node = read_value(value, place)
    for part in reversed(parts):
        node = Node({part: node}, place, place)
    return node
