"""How the parts of a split are held: in a tuple, in a dict, or in a tuple with dicts in it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any


def leaves(held: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a tuple or a mapping and of the mappings in a tuple, with where each lies: `1`, `0['age']`."""
    if isinstance(held, Mapping):
        yield from ((repr(key), part) for key, part in held.items())
        return
    for number, part in enumerate(held):
        if isinstance(part, Mapping):
            yield from ((f"{number}[{key!r}]", inner) for key, inner in part.items())
        else:
            yield str(number), part


class Layout:
    """Puts parts, in the order of `leaves`, into the tuples and dicts that others were in.

    Arguments:
        held: those others.
    """

    def __init__(self, held: Any) -> None:
        self._keys = list(held) if isinstance(held, Mapping) else None
        inside = [list(part) if isinstance(part, Mapping) else None for part in held] if self._keys is None else []
        self._inside = inside if any(keys is not None for keys in inside) else None

    def __call__(self, parts: Sequence[Any]) -> Any:
        if self._keys is not None:
            return dict(zip(self._keys, parts, strict=True))
        if self._inside is None:
            return tuple(parts)
        rest = iter(parts)
        return tuple(
            next(rest) if keys is None else dict(zip(keys, islice(rest, len(keys)), strict=True))
            for keys in self._inside
        )
