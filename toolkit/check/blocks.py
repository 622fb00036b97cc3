"""What checking makes of a recipe: every component position resolved, and all problems. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.check.signature import Signature
from toolkit.errors import Problem, RecipeError
from toolkit.recipe import KeyPath, Recipe
from toolkit.registry import Component, Registry


@dataclass(frozen=True, slots=True)
class Block:
    """One component position of a recipe with the component that it names."""

    path: KeyPath
    """``("model",)``, ``("metrics", "accuracy")``, ``("model", "backbone")``."""
    kind: str
    component: Component
    signature: Signature
    arguments: Mapping[str, Any]
    """As the recipe has them, without the core's words. A component inside them, at any depth, is a Block."""
    words: Mapping[str, Any]
    """The core's words that were set."""
    own_names: Mapping[str, str] = field(default_factory=dict)
    """Of arguments that the core fills under another name than the component's: by the core's name, the component's."""

    @property
    def name(self) -> str:
        """The component's name for messages: ``sgd``."""
        return self.component.entry.name

    @property
    def key(self) -> str:
        """The path with dots: ``model.backbone``."""
        return dotted(self.path)


@dataclass(frozen=True, slots=True)
class Checked:
    """A recipe after the first stage of checking. To be built it must have no problems."""

    recipe: Recipe
    registry: Registry
    problems: tuple[Problem, ...]
    """Everything wrong, in the order it is written in."""
    blocks: Mapping[str, Block]
    """By kind, the single components that the recipe sets: task, dataset, model, loss, optimizer, scheduler."""
    collections: Mapping[str, Mapping[str, Block]]
    """By label; always ``metrics``, ``callbacks``, ``loggers``, ``transforms.train`` and ``transforms.eval``."""
    trainer: Mapping[str, Any]
    loader: Mapping[str, Any]
    engine: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    """What is right and will not stay so: old names that plugins and the recipe use."""

    def raise_problems(self) -> None:
        """Raise RecipeError with all problems, if there are any."""
        if self.problems:
            raise RecipeError(self.problems)


def all_blocks(found: Any) -> Iterator[Block]:
    """Every block in mappings and lists, the parts inside a block before it."""
    if isinstance(found, Block):
        yield from all_blocks(found.arguments)
        yield found
    elif isinstance(found, Mapping):
        for child in found.values():
            yield from all_blocks(child)
    elif isinstance(found, (list, tuple)):
        for child in found:
            yield from all_blocks(child)


def dotted(path: KeyPath) -> str:
    """A path as messages name it: ``metrics.accuracy.top_k``."""
    return ".".join(str(part) for part in path)
