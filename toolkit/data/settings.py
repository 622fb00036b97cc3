"""The `loader` block of a recipe as typed values. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.check.loader import loader_mistake
from toolkit.errors import RequestError
from toolkit.recipe.loader import LoaderSettings


def loader_settings(values: Mapping[str, Any]) -> LoaderSettings:
    """The settings of a `loader` block; raises RequestError for an unknown key or a value that makes no sense."""
    for name, value in values.items():
        mistake = loader_mistake(name, value)
        if mistake is not None:
            raise RequestError(f"loader.{name}: {mistake}")
    return LoaderSettings(**values)
