"""Whether a recipe's value fits the type that a component asks for, in words, and the value to pass on.

Checked are plain types (numbers, text, true and false, null, paths, durations, enumerations, literals) and containers
of them; a union by its plain members. Everything else is left to the component. Imports no torch, except to make a
tensor.
"""

from __future__ import annotations

import functools
import json
import pathlib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from toolkit.check.annotations import (
    ANYTHING,
    LEAVES,
    LISTS,
    MAPPINGS,
    NONE,
    PATHS,
    is_enumeration,
    is_plain,
    is_tensor,
    members_of,
)
from toolkit.check.signature import MISSING, Parameter
from toolkit.check.wording import advice, described, number_in, shown


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that is not of the type asked for."""

    path: tuple[str | int, ...]
    """Where inside the value; empty for the value itself."""
    message: str


def mismatch(value: Any, parameter: Parameter) -> Mismatch | None:
    """What is wrong with a plain ``value`` for ``parameter``; None where it fits or cannot be judged."""
    default = parameter.default
    if parameter.annotation is MISSING or (value is None and default is None):
        return None
    try:
        _fit(value, parameter.annotation)
    except _Unfit as unfit:
        if isinstance(default, (bool, int, float, str, list, tuple, dict)) and not fits(default, parameter.annotation):
            return None  # an annotation that its own default contradicts says nothing about other values either
        return Mismatch(unfit.path, unfit.message)
    return None


def fits(value: Any, annotation: Any) -> bool:
    """Whether a plain ``value`` can be given where ``annotation`` is asked for."""
    try:
        _fit(value, annotation)
    except _Unfit:
        return False
    return True


def texts_for_objects(value: Any, annotation: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The texts in a value where ``annotation`` asks for what a component makes, each with its path inside the value.

    Some of them may be right all the same: a function may take a name and say in its annotation what it makes of it.
    """
    members = [] if annotation is MISSING else [each for each in members_of(annotation) if each is not NONE]
    if isinstance(value, str):
        if members and not any(member is ANYTHING or is_plain(member) for member in members):
            yield (), value
        return
    for member in members:
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if not arguments:
            continue
        if origin in MAPPINGS and isinstance(value, Mapping):
            inside: Iterable[tuple[str | int, Any]] = value.items()
        elif origin in (*LISTS, tuple) and isinstance(value, (list, tuple)):
            inside = enumerate(value)
        else:
            continue
        for key, child in inside:
            # Of a tuple's places the first stands for all: `tuple[Module, ...]`.
            of_child = arguments[1] if origin in MAPPINGS else arguments[0]
            yield from (((key, *path), text) for path, text in texts_for_objects(child, of_child))


def converted(value: Any, annotation: Any) -> Any:
    """The value to pass on where ``annotation`` is asked for.

    A tuple for a tuple annotation, a ``Path`` for a path, a float tensor for a list where only a tensor will do, a
    ``timedelta``, an enumeration's member. A value that does not fit, or whose type is not checked, comes back as it
    is.
    """
    if annotation is MISSING:
        return value
    try:
        return _fit(value, annotation, _tensor)
    except _Unfit:
        return value


class _Unfit(Exception):
    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def _fit(value: Any, annotation: Any, tensor: Any = None) -> Any:
    """``value`` as ``annotation`` wants it. Raises _Unfit."""
    members = members_of(annotation)
    plain = [member for member in members if is_plain(member)]
    only_null = all(member is NONE for member in plain)
    if ANYTHING in members or (only_null and len(plain) < len(members)):
        return value
    fitting, failures = [], []
    for member in plain:
        try:
            fitting.append(_fit_one(value, member, tensor))
        except _Unfit as unfit:
            failures.append(unfit)
    if fitting:
        # `1` for int | float stays a whole number, and text for Path | str stays text.
        return next((each for each in fitting if type(each) is type(value)), fitting[0])
    inside = [unfit for unfit in failures if unfit.path]
    if len(inside) == 1:
        raise inside[0]
    raise _Unfit(f"expected {described(plain)}, got {shown(value)}" + advice(value, plain))


def _fit_one(value: Any, member: Any, tensor: Any) -> Any:
    origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
    if origin is typing.Literal:
        if any(type(each) is type(value) and each == value for each in arguments):
            return value
    elif origin in LEAVES:
        return _leaf(value, origin)
    elif origin in PATHS:
        return _leaf(value, pathlib.Path)
    elif is_enumeration(member):
        for each in member:
            if type(each.value) is type(value) and each.value == value:
                return each
    elif is_tensor(member):
        if _shape(value) is not None:
            return tensor(value) if tensor else value
    elif origin in MAPPINGS:
        if isinstance(value, Mapping):
            of_key, of_value = arguments or (Any, Any)
            return {_key(key, of_key): _item(each, of_value, key, tensor) for key, each in value.items()}
    elif isinstance(value, (list, tuple)):
        if origin is not tuple:
            of_item = arguments[0] if arguments else Any
            items = [_item(each, of_item, index, tensor) for index, each in enumerate(value)]
            return items if origin in LISTS else _as_set(items, frozenset if origin is frozenset else set)
        if not arguments or arguments[-1] is Ellipsis:
            of_item = arguments[0] if arguments else Any
            return tuple(_item(each, of_item, index, tensor) for index, each in enumerate(value))
        if len(arguments) == len(value):
            return tuple(_item(each, arguments[index], index, tensor) for index, each in enumerate(value))
    raise _Unfit("")


def _item(value: Any, annotation: Any, at: str | int, tensor: Any) -> Any:
    try:
        return _fit(value, annotation, tensor)
    except _Unfit as unfit:
        raise _Unfit(unfit.message, (at, *unfit.path)) from None


def _key(key: str, annotation: Any) -> Any:
    """A mapping's key, which is always text in a recipe, as the type asked for: ``"1"`` for ``dict[int, float]``."""
    if fits(key, annotation):
        return converted(key, annotation)
    number = number_in(key)
    if number is not None and fits(number, annotation):
        return converted(number, annotation)
    raise _Unfit(f"expected keys that are {described(members_of(annotation), many=True)}, got {shown(key)}", (key,))


def _as_set(items: list[Any], make: type) -> Any:
    try:
        return make(items)
    except TypeError:
        raise _Unfit("") from None  # a list in a set


@functools.cache
def _adapter(leaf: type) -> TypeAdapter[Any]:
    return TypeAdapter(leaf)


def _leaf(value: Any, leaf: type) -> Any:
    """By JSON and strictly: lax takes ``lr: true``, and strict Python refuses text for a path."""
    if leaf is float and isinstance(value, int) and value.bit_length() > 1023:
        raise _Unfit("")  # pydantic makes infinity of it
    try:
        return _adapter(leaf).validate_json(json.dumps(value), strict=True)
    except (ValidationError, TypeError, ValueError):  # Python writes no number of more than 4300 digits
        raise _Unfit("") from None


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a number or of nested lists of numbers; None for anything else and for ragged lists."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # More than that fits no float32 and would end in an OverflowError.
        return () if isinstance(value, float) or value.bit_length() < 128 else None
    if not isinstance(value, (list, tuple)):
        return None
    shapes = {_shape(each) for each in value}
    if len(shapes) > 1 or None in shapes:
        return None
    inner = shapes.pop() if shapes else ()
    return (len(value), *inner) if inner is not None else None


def _tensor(value: Any) -> Any:
    import torch

    # `weight: [1, 5]` means the numbers 1.0 and 5.0: a loss refuses weights of whole numbers.
    return torch.tensor(value, dtype=torch.get_default_dtype())
