"""The JSON Schema of one argument's values, from its annotation: what `toolkit check` accepts, and no less.

A component may stand wherever a value may, and so may a reference such as ``${seed}``. Imports what checking imports.
"""

from __future__ import annotations

import datetime
import typing
from collections.abc import Sequence
from typing import Any

from toolkit.check import MISSING
from toolkit.check.annotations import (
    ANYTHING,
    LISTS,
    MAPPINGS,
    NONE,
    PATHS,
    SETS,
    choices_of,
    is_plain,
    is_tensor,
    members_of,
)
from toolkit.check.types import fits
from toolkit.check.wording import described
from toolkit.schema.definitions import any_value, refer, reference_or_component

_SINGLE: dict[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    datetime.timedelta: "string",
    NONE: "null",
}


def type_schema(annotation: Any, kind: str, default: Any = MISSING) -> dict[str, Any]:
    """The schema of values that fit an annotation.

    Args:
        annotation: as a signature has it; values for what is not plain are left to the component.
        kind: the kind of component that a mapping with ``use`` is there.
        default: the argument's, which fits whatever the annotation says.
    """
    if annotation is MISSING:
        return refer(any_value(kind))
    members = members_of(annotation)
    plain = [member for member in members if is_plain(member)]
    only_null = all(member is NONE for member in plain)
    contradicted = isinstance(default, (bool, int, float, str, list, tuple, dict)) and not fits(default, annotation)
    if ANYTHING in members or (only_null and len(plain) < len(members)) or contradicted:
        return refer(any_value(kind))
    fitting = _alternatives([*plain, *([NONE] if default is None and NONE not in plain else [])], kind)
    return {"anyOf": [*fitting, refer(reference_or_component(kind))]}


def type_text(annotation: Any) -> str:
    """What is asked for, for a person: ``a whole number``; empty where it is left to the component."""
    if annotation is MISSING:
        return ""
    members = members_of(annotation)
    plain = [member for member in members if is_plain(member)]
    return "" if ANYTHING in members or all(member is NONE for member in plain) else described(plain)


def _alternatives(plain: Sequence[Any], kind: str) -> list[dict[str, Any]]:
    """Choices, then single types as one, which an editor names in one breath, then containers; none twice.

    Of a value that fits none of them an editor tells what the first asks for. Each has its own title: the YAML
    language server 1.25 takes alternatives of one title and description for the same.
    """
    single = [member for member in plain if _single(member)]
    types = dict.fromkeys(_single(member) for member in single)
    if "number" in types:
        types.pop("integer", None)
    listed = [*types]
    one = [{"type": listed[0] if len(listed) == 1 else listed, "title": described(single)}] if single else []
    others = [{**_member(member, kind), "title": described([member])} for member in plain if not _single(member)]
    distinct = [each for index, each in enumerate(others) if each not in others[:index]]
    return [*(each for each in distinct if "enum" in each), *one, *(each for each in distinct if "enum" not in each)]


def _single(member: Any) -> str:
    """JSON's name of a type of single values; empty for others."""
    return _SINGLE.get(member, "") or ("string" if member in PATHS else "")


def _member(member: Any, kind: str) -> dict[str, Any]:
    origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
    choices = choices_of(member)
    if choices:
        # Of bytes and enumerations' members in a literal a recipe can hold none.
        return {"enum": [each for each in choices if isinstance(each, (str, int, float, NONE))] or [None]}
    if is_tensor(member):
        return refer("tensor")
    if origin in MAPPINGS:
        return {"type": "object", "additionalProperties": type_schema(arguments[1] if arguments else Any, kind)}
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        items = [type_schema(argument, kind) for argument in arguments]
        return {"type": "array", "items": items, "minItems": len(items), "maxItems": len(items)}
    assert origin in (*LISTS, *SETS, tuple), member
    return {"type": "array", "items": type_schema(arguments[0] if arguments else Any, kind)}
