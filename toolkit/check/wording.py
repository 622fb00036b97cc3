"""Types and values in the words of a person who writes recipes. Imports nothing heavy."""

from __future__ import annotations

import datetime
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

from toolkit.check.annotations import (
    ANYTHING,
    MAPPINGS,
    NONE,
    PATHS,
    choices_of,
    is_enumeration,
    is_plain,
    is_tensor,
    members_of,
)
from toolkit.errors import did_you_mean

_ONE_AND_MANY: Final = {
    bool: ("true", "true"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    NONE: ("null", "null each"),
    datetime.timedelta: ("a duration such as '01:30:00'", "durations such as '01:30:00'"),
}


def described(members: Sequence[Any], many: bool = False) -> str:
    """What a union takes, for a person: ``a number, text or one of 'a', 'b'``. Null only where it is all there is."""
    kept = [member for member in members if member is not NONE] or list(members)
    if float in kept:
        # Where a number will do, a whole number and a tensor are no news: lr is float | Tensor in torch.optim.
        kept = [member for member in kept if member is not int and not is_tensor(member)]
    literals = [member for member in kept if typing.get_origin(member) is typing.Literal]
    listed = list(dict.fromkeys(_word(member, many) for member in kept if member not in literals))
    if "true" in listed:
        listed.insert(listed.index("true") + 1, "false")
    if literals:
        listed.append(_one_of([choice for literal in literals for choice in choices_of(literal)]))
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def _word(member: Any, many: bool) -> str:
    origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
    if origin in _ONE_AND_MANY:
        return _ONE_AND_MANY[origin][many]
    if origin in PATHS:
        return "paths" if many else "a path"
    if is_enumeration(member):
        return _one_of([each.value for each in member])
    if is_tensor(member):
        return "tensors" if many else "a tensor (a number, or lists of numbers of equal length)"
    if origin in MAPPINGS:
        return "mappings" if many else "a mapping"
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        items = {_items(argument) for argument in arguments}
        start = f"lists of {len(arguments)}" if many else f"a list of {len(arguments)}"
        return f"{start} {items.pop() if len(items) == 1 else 'values'}"
    start = "lists" if many else "a list"
    items_word = _items(arguments[0]) if arguments else "values"
    return start if items_word == "values" else f"{start} of {items_word}"


def _items(annotation: Any) -> str:
    members = members_of(annotation)
    plain = [member for member in members if is_plain(member) and not is_tensor(member)]
    if ANYTHING in members or not plain or plain == [NONE]:
        return "values"
    return described(plain, many=True)


def _one_of(choices: list[Any]) -> str:
    return ("one of " if len(choices) > 1 else "") + ", ".join(_literal(each) for each in choices)


def _literal(value: Any) -> str:
    return repr(value) if isinstance(value, str) else shown(value)


def shown(value: Any) -> str:
    """A plain value in a message: ``the text 'high'``, ``true``, ``a list of 3 values``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else f"a text of {len(value)} characters"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)} value{'' if len(value) == 1 else 's'}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    return repr(value)


_SAID_OTHERWISE: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def advice(value: Any, plain: Sequence[Any]) -> str:
    """What to write instead, where it is plain what was meant."""
    choices = [each for member in plain for each in choices_of(member)]
    if isinstance(value, str):
        lower = value.strip().lower()
        if bool in plain and lower in _SAID_OTHERWISE:
            return f"; write {_SAID_OTHERWISE[lower]}"
        if NONE in plain and lower in ("none", "nil"):
            return "; write null"
        number = number_in(value)
        if number is not None and (float in plain or type(number) in plain or number in choices):
            return "; write it without quotes"
        guess = did_you_mean(value, [each for each in choices if isinstance(each, str)])
        return f".{guess}" if guess else ""
    if isinstance(value, float) and int in plain and value.is_integer():
        return f"; write {int(value)}" if abs(value) < 1e15 else ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = shown(value)
        if str in plain or text in choices:
            return f"; write '{text}'"
    return ""


_NUMBER: Final = re.compile(r"[-+]?(\d{1,40}|(\d{1,40}\.\d{0,40}|\.\d{1,40}|\d{1,40}(?=[eE]))([eE][-+]?\d{1,3})?)")


def number_in(text: str) -> int | float | None:
    """The number that a text spells out, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text)
