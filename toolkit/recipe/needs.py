"""What a recipe asks for that this environment does not have, from package metadata: nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.errors import RequestError
from toolkit.recipe.grammar import COLLECTIONS
from toolkit.recipe.node import KeyPath
from toolkit.registry import KINDS, AbsentComponent, Registry
from toolkit.registry.first_party import provider
from toolkit.registry.names import normalised


def needs(values: Mapping[str, Any], registry: Registry) -> tuple[str, ...]:
    """The distributions that would have to be installed, such as ``toolkit-vision``; empty if nothing is missing.

    One that is installed and left out is told as ``toolkit-vision (left out)``.

    For a component that no known distribution offers, the text is ``a plugin with the model 'net'``.

    Args:
        values: a loaded recipe's values.
        registry: what is installed.
    """
    # `find` looks through all entries, once for every component of every recipe that `toolkit ls` lists.
    offered = {(entry.kind, name) for entry in registry.entries() for name in (entry.name, entry.full_name)}
    missing: dict[str, None] = {}
    for _, kind, use in components(values):
        if (kind, use) in offered:
            continue
        try:
            registry.find(kind, use)
        except AbsentComponent:
            missing[_offering(kind, use, registry)] = None
        except RequestError:
            # Misspelt, or code: something is wrong, which `check` tells, but nothing is missing.
            continue
    return tuple(sorted(missing))


def components(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Path, kind and ``use`` of every component that a recipe's values name, nested ones after those that hold them."""
    return _components(values, (), "")


def _components(value: Any, path: KeyPath, argument: str) -> Iterator[tuple[KeyPath, str, str]]:
    """Those in a value; ``argument`` is the argument of the block around it that the value is given for."""
    if isinstance(value, Mapping):
        use = value.get("use")
        is_block = isinstance(use, str)
        if isinstance(use, str):
            kind = argument if argument in KINDS else "part"
            yield path, COLLECTIONS.get(path[:-1], kind), use
        for key, child in value.items():
            yield from _components(child, (*path, key), key if is_block or not path else argument)
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from _components(child, (*path, index), argument)


def _offering(kind: str, use: str, registry: Registry) -> str:
    distribution, _, name = use.rpartition("/")
    left_out = registry.left_out_plugin(distribution) if distribution else registry.left_out_with(name, kind)
    if left_out is not None:
        return f"{left_out.plugin.distribution} (left out)"
    if distribution and registry.plugin(distribution) is None:
        return normalised(distribution)
    return (not distribution and provider(kind, name)) or f"a plugin with the {kind} {name!r}"
