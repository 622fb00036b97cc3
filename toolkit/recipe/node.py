"""A value of a recipe together with the place it was written at. Imports only errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from toolkit.errors import Place

Scalar: TypeAlias = str | int | float | bool | None
KeyPath: TypeAlias = tuple[str | int, ...]

DEFAULT = Place("toolkit default")
"""The place of a value that no recipe and no override wrote."""


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a mapping of nodes or a list of nodes, with the places of the value and of its key."""

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key_place: Place

    @property
    def mapping(self) -> dict[str, Node] | None:
        """The nodes by key where this is a mapping, else None."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def use(self) -> str | None:
        """The component's name where this is a block that names one, else None."""
        named = self.value.get("use") if isinstance(self.value, dict) else None
        return named.value if named is not None and isinstance(named.value, str) else None

    def walk(self, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
        """This node and every node inside it, with their paths; a parent comes before its children."""
        yield path, self
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.walk((*path, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.walk((*path, index))

    def plain(self) -> Any:
        """The value without its places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def map_children(self, change: Callable[[str | int, Node], Node]) -> Node:
        """The same mapping or list with every child changed; a scalar as it is."""
        if isinstance(self.value, dict):
            return Node({key: change(key, child) for key, child in self.value.items()}, self.place, self.key_place)
        if isinstance(self.value, list):
            return Node([change(i, child) for i, child in enumerate(self.value)], self.place, self.key_place)
        return self


def node_at(plain: Any, place: Place) -> Node:
    """Plain dicts, lists and scalars as nodes that were all written at one place."""
    if isinstance(plain, dict):
        return Node({key: node_at(child, place) for key, child in plain.items()}, place, place)
    if isinstance(plain, list):
        return Node([node_at(child, place) for child in plain], place, place)
    return Node(plain, place, place)
