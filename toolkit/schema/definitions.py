"""Names of the schema's definitions, which the descriptions of components refer to. Imports nothing."""

from __future__ import annotations

from typing import Any

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What every editor's YAML support knows: the YAML language server reads newer drafts too, JetBrains' IDEs do not."""


def refer(definition: str) -> dict[str, Any]:
    """A reference to a definition."""
    return {"$ref": f"#/definitions/{definition}"}


REFERENCE: dict[str, Any] = {"type": "string", "pattern": r"\$\{"}
"""``${key}``, alone or inside a text."""

TENSOR: dict[str, Any] = {
    "anyOf": [{"type": "number"}, {"type": "array", "items": refer("tensor")}, refer("reference")]
}
"""A number, or lists of numbers."""


def any_value(kind: str) -> str:
    """Any value, in which a mapping with ``use`` is a component of this kind."""
    return f"value:{kind}"


def reference_or_component(kind: str) -> str:
    """What may stand where a value of a plain type is asked for."""
    return f"instead:{kind}"


def component(kind: str, full_name: str = "") -> str:
    """One component's arguments; without a name, any component of the kind."""
    return f"{kind}:{full_name.replace('/', ':')}" if full_name else kind


def component_name(kind: str) -> str:
    """The values of ``use`` for a kind."""
    return f"use:{kind}"


def position(kind: str) -> str:
    """What stands where the grammar puts a component: a name, a mapping with ``use``, or null."""
    return f"position:{kind}"


def labelled(kind: str) -> str:
    """A collection of components by label."""
    return f"labelled:{kind}"


def complete(what: str) -> str:
    """That nothing required is missing, of a kind or of any value with components in it."""
    return f"complete:{what}"
