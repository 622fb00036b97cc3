"""What is kept of a component's signature: plain values, which JSON holds. Imports nothing of the toolkit."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Argument(TypedDict):
    """One argument that a recipe may give."""

    schema: dict[str, Any]
    """The JSON Schema of its values."""
    doc: str
    type: str
    """What is asked for, in words; empty where it is left to the component."""
    required: bool
    """Whether a recipe has to give it: nobody else does."""
    default: NotRequired[Any]
    """Where it is plain, and there is one."""
    filled: NotRequired[str]
    """Who gives it where the recipe does not: ``the dataset``, ``the run``."""


class Described(TypedDict):
    """One component, or one block of the core's own."""

    doc: str
    open: bool
    """Whatever is given is left to it: it tells nobody its arguments, or could not be imported."""
    problem: str
    """Why it could not be imported; empty if it could."""
    arguments: dict[str, Argument]
    renamed: NotRequired[dict[str, str]]
    """By the names that arguments had before, those that they have now."""


BLOCK = "block"
"""Stands for a kind where an entry is a block of the core's own."""

BLOCKS = {
    "trainer": "pytorch_lightning:Trainer",
    "loader": "toolkit.recipe.loader:LoaderSettings",
    "engine": "toolkit.check.toplevel:ENGINE_TYPES",
    "engine.ema": "pytorch_lightning.callbacks:EMAWeightAveraging",
    "words": "toolkit.check.words:WORD_TYPES",
}
"""By name, the class whose arguments a block of the core's own holds, or the table of its types."""
