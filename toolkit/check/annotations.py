"""What an annotation asks for: its members, and which of them are plain enough to be checked.

Imports neither torch nor a plugin: a type that belongs to them is known by its name.
"""

from __future__ import annotations

import datetime
import enum
import os
import pathlib
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence, Set
from dataclasses import InitVar
from typing import Any, Final

NONE: Final = type(None)
LEAVES: Final = (bool, int, float, str, NONE, datetime.timedelta)
PATHS: Final = (pathlib.Path, pathlib.PurePath, os.PathLike)
LISTS: Final = (list, Sequence, MutableSequence, Iterable, Iterator, Collection)
SETS: Final = (set, frozenset, Set)
MAPPINGS: Final = (dict, Mapping, MutableMapping)
ANYTHING: Final = object()
"""Stands for ``Any`` and ``object``."""


def members_of(annotation: Any) -> list[Any]:
    """The members of a union, or the one type, without what surrounds it; ``ANYTHING`` for what takes every value."""
    origin = typing.get_origin(annotation)
    if annotation is Any or annotation is object:
        return [ANYTHING]
    if annotation is None:
        return [NONE]
    if isinstance(annotation, InitVar):
        return members_of(annotation.type)
    if isinstance(annotation, typing.NewType):
        return members_of(annotation.__supertype__)
    if isinstance(annotation, typing.TypeVar):
        below = annotation.__constraints__ or ((annotation.__bound__,) if annotation.__bound__ is not None else ())
        return [member for each in below for member in members_of(each)] or [ANYTHING]
    if origin in (typing.Annotated, typing.Final, typing.ClassVar):
        return members_of(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for each in typing.get_args(annotation) for member in members_of(each)]
    if type(annotation).__name__ == "TypeAliasType":  # `type X = ...` of Python 3.12
        return members_of(annotation.__value__)
    return [annotation]


def is_plain(member: Any) -> bool:
    """Whether one member of a union is a type whose values a recipe can hold, or be turned into."""
    origin = typing.get_origin(member) or member
    if origin in (*LEAVES, *PATHS, *LISTS, *SETS, *MAPPINGS, tuple, typing.Literal):
        return True
    return is_tensor(member) or is_enumeration(member)


def is_tensor(member: Any) -> bool:
    """Whether this is torch's Tensor."""
    return isinstance(member, type) and (member.__module__, member.__qualname__) == ("torch", "Tensor")


def is_enumeration(member: Any) -> bool:
    """Whether this is an enumeration of texts and numbers."""
    is_enum = isinstance(member, type) and issubclass(member, enum.Enum)
    return is_enum and all(isinstance(each.value, (str, int, float)) for each in member)


def choices_of(member: Any) -> list[Any]:
    """The values that a literal or an enumeration allows; none for any other type."""
    if typing.get_origin(member) is typing.Literal:
        return list(typing.get_args(member))
    return [each.value for each in member] if is_enumeration(member) else []
