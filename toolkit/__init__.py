"""The toolkit: a recipe names components, installed packages provide them, one command trains them.

    import toolkit

    recipe = toolkit.load("vision/digits", ["optimizer.lr=0.1"])
    result = toolkit.run(recipe)
    result.metrics["test/accuracy"]

Importing this imports nothing else: each name is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.errors import RecipeError as RecipeError
    from toolkit.errors import RunError as RunError
    from toolkit.errors import ToolkitError as ToolkitError
    from toolkit.hooks import hookimpl as hookimpl
    from toolkit.recipe import Recipe as Recipe
    from toolkit.recipe import load as load
    from toolkit.registry import Registry as Registry
    from toolkit.registry.api import API_VERSION as API_VERSION
    from toolkit.runs import RunResult as RunResult
    from toolkit.runs import export as export
    from toolkit.runs import predict as predict
    from toolkit.runs import resume as resume
    from toolkit.runs import run as run

_HOMES = {
    "API_VERSION": "toolkit.registry.api",
    "RecipeError": "toolkit.errors",
    "RunError": "toolkit.errors",
    "ToolkitError": "toolkit.errors",
    "Registry": "toolkit.registry",
    "Recipe": "toolkit.recipe",
    "load": "toolkit.recipe",
    "hookimpl": "toolkit.hooks",
    "RunResult": "toolkit.runs",
    "export": "toolkit.runs",
    "predict": "toolkit.runs",
    "resume": "toolkit.runs",
    "run": "toolkit.runs",
}

__all__ = [
    "API_VERSION",
    "Recipe",
    "RecipeError",
    "Registry",
    "RunError",
    "RunResult",
    "ToolkitError",
    "export",
    "hookimpl",
    "load",
    "predict",
    "resume",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
