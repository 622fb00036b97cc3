"""The JSON Schema of one argument's values, from its annotation: what `toolkit check` accepts, and no less.

A component may stand wherever a value may, and so may a reference such as ``${seed}``. Imports what checking imports.
"""

from __future__ import annotations

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
from toolkit.schema.definitions import any_value, refer, reference_or_component

_LEAVES: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    NONE: {"type": "null"},
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
    fitting = _merged([_member(member, kind) for member in plain] + ([_LEAVES[NONE]] if default is None else []))
    return {"anyOf": [*fitting, refer(reference_or_component(kind))]}


def _member(member: Any, kind: str) -> dict[str, Any]:
    origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
    choices = choices_of(member)
    if choices:
        return {"enum": choices}
    if is_tensor(member):
        return refer("tensor")
    if origin in _LEAVES:
        return _LEAVES[origin]
    if origin in PATHS:
        return _LEAVES[str]
    if origin in MAPPINGS:
        return {"type": "object", "additionalProperties": type_schema(arguments[1] if arguments else Any, kind)}
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        items = [type_schema(argument, kind) for argument in arguments]
        return {"type": "array", "items": items, "minItems": len(items), "maxItems": len(items)}
    if origin in (*LISTS, *SETS, tuple):
        return {"type": "array", "items": type_schema(arguments[0] if arguments else Any, kind)}
    return {"type": ["string", "number"]}  # a duration: '01:30:00', or seconds


def _merged(schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of single types as one, which an editor names in one breath; choices and containers behind it."""
    types = dict.fromkeys(
        name
        for schema in schemas
        if schema.keys() == {"type"}
        for name in ([schema["type"]] if isinstance(schema["type"], str) else schema["type"])
    )
    if "number" in types:
        types.pop("integer", None)
    others = [each for index, each in enumerate(schemas) if each.keys() != {"type"} and each not in schemas[:index]]
    listed = list(types)
    return [*([{"type": listed[0] if len(listed) == 1 else listed}] if listed else []), *others]
