"""Old names of arguments: those that the core once gave components, and those that a component says it has renamed.

Whatever comes after sees the names of today only. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from toolkit.check.signature import Signature
from toolkit.recipe.grammar import FACT_KINDS
from toolkit.registry import Component, renamed
from toolkit.registry.renamed import Renamed

MEMBER = "renamed"
"""What a component may have: by the old names of its arguments, the new ones."""


def old_names(kind: str) -> Mapping[str, Renamed]:
    """What the arguments that the core fills in components of a kind were called before, and are called now."""
    return {**renamed.ARGUMENTS.get(kind, {}), **(renamed.FACTS if kind in FACT_KINDS else {})}


def under_new_names(kind: str, signature: Signature, given: Collection[str]) -> tuple[Signature, dict[str, str]]:
    """A signature in which an argument that the core fills is called what the core calls it today.

    Args:
        kind: the component's.
        signature: as the component was written.
        given: the arguments that the recipe sets; those are the component's own, whatever the core calls its.

    Returns:
        The signature; and for each argument that is called otherwise now, by its new name, what the component calls it.
    """
    has = signature.parameters
    old = {
        name: each.new
        for name, each in old_names(kind).items()
        if name in has and each.new not in has and name not in given
    }
    called = {old.get(name, name): replace(has[name], name=old.get(name, name)) for name in has}
    return replace(signature, parameters=called), {new: name for name, new in old.items()}


def stated_names(target: Any, signature: Signature) -> dict[str, str]:
    """What a component says that its arguments were called before: by the old names, those that it has now."""
    stated, has = getattr(target, MEMBER, None), signature.parameters
    stated = stated if isinstance(stated, Mapping) else {}
    return {old: new for old, new in stated.items() if old not in has and new in has}


def with_new_names(
    component: Component, signature: Signature, arguments: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What a recipe gives a component, under the names that the component has for it now.

    Args:
        component: may say in a mapping ``renamed`` what its arguments were called before.
        signature: its arguments.
        arguments: as the recipe has them.

    Returns:
        The arguments; and the old names that were written, with the new ones.
    """
    stated = stated_names(component.target, signature)
    written = {name: stated[name] for name in arguments if name in stated and stated[name] not in arguments}
    return {written.get(name, name): value for name, value in arguments.items()}, written
