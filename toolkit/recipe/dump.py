"""Writes a recipe's values as a YAML page that `load` reads back as it was. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.recipe.node import KeyPath
from toolkit.recipe.scalars import write_scalar


def to_yaml(values: Mapping[str, Any], comments: Mapping[KeyPath, str] | None = None) -> str:
    """``values`` as YAML, one key a line, with a comment behind each key that ``comments`` has a text for."""
    lines: list[tuple[str, str]] = []
    _write_mapping(values, (), comments or {}, lines)
    width = min(max((len(text) for text, comment in lines if comment), default=0), 48)
    return "".join(f"{text:<{width}}  # {comment}\n" if comment else f"{text}\n" for text, comment in lines)


def _write_mapping(
    values: Mapping[str, Any], path: KeyPath, comments: Mapping[KeyPath, str], lines: list[tuple[str, str]]
) -> None:
    indent = "  " * len(path)
    for key, value in values.items():
        inner = (*path, key)
        comment = " ".join(comments.get(inner, "").split())
        if isinstance(value, Mapping) and value:
            lines.append((f"{indent}{write_scalar(key)}:", comment))
            _write_mapping(value, inner, comments, lines)
        else:
            lines.append((f"{indent}{write_scalar(key)}: {_flow(value)}", comment))


def _flow(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write_scalar(key)}: {_flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(child) for child in value) + "]"
    return write_scalar(value)
