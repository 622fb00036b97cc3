"""Calls components: the one place where a checked block becomes a live object.

Imports torch and Lightning to hold each result against what its kind must return, and no component.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from pytorch_lightning import Callback, LightningDataModule, LightningModule
from pytorch_lightning.loggers import Logger
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torchmetrics import Metric, MetricCollection

from toolkit.check import Block, converted
from toolkit.errors import Problem, RequestError, ToolkitError
from toolkit.recipe import KeyPath, Recipe
from toolkit.recipe.grammar import FACT_KINDS
from toolkit.registry import ABOUT, with_article


class BuildError(RequestError):
    """A component could not be constructed; ``problem`` says where, which one and why.

    The author's exception is kept as ``__cause__``.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def construct(
    block: Block,
    given: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    recipe: Recipe,
    filled: dict[KeyPath, str] | None = None,
    untrained: bool = False,
) -> Any:
    """Build the component of a block, the parts inside it first.

    Args:
        block: what to build.
        given: what the core gives; passed where the component has a parameter of that name. What the recipe sets
            is stronger.
        facts: what the dataset knows; fills parameters that neither the recipe nor ``given`` sets, in kinds that take
            facts and in the parts inside them.
        recipe: where the block was written, for messages.
        filled: if given, the path of each parameter that a fact filled is added to it, with the fact's name.
        untrained: whether a checkpoint replaces all weights afterwards. A component that offers ``untrained``, called
            like itself, then makes the same thing without pretrained weights, which need not be there any more.

    Raises:
        BuildError: the component raised, or returned what its kind must not.
    """
    if block.kind not in FACT_KINDS:
        facts = {}

    def built(value: Any) -> Any:
        if isinstance(value, Block):
            # A scheduler inside a scheduler needs the optimizer too; anything else is on its own.
            its = given if value.kind == block.kind else {}
            return construct(value, its, facts, recipe=recipe, filled=filled, untrained=untrained)
        if isinstance(value, Mapping):
            return {key: built(child) for key, child in value.items()}
        if isinstance(value, (list, tuple)):
            return [built(child) for child in value]
        return deepcopy(value)

    parameters = block.signature.parameters
    try:
        arguments = {name: built(value) for name, value in block.arguments.items()}
        passed = {name: value for name, value in given.items() if name in parameters and name not in arguments}
        for name in parameters:
            if name in facts and name not in arguments and name not in passed:
                arguments[name] = deepcopy(facts[name])
                if filled is not None:
                    filled[(*block.path, name)] = name
        for name in arguments.keys() & parameters.keys():
            arguments[name] = converted(arguments[name], parameters[name].annotation)
        target = block.component.target
        if untrained:
            target = getattr(target, "untrained", target)
        names = block.own_names
        result = target(**{names.get(name, name): value for name, value in {**arguments, **passed}.items()})
    except BuildError:
        raise  # of a part, which is placed already
    except Exception as error:
        raise blamed(block, recipe, "could not be built", error) from error
    _expect(block, recipe, result)
    return result


def blamed(block: Block, recipe: Recipe, what: str, error: Exception) -> BuildError:
    """The error that names a component as the one that raised ``error``: where it stands, who offers it, and why."""
    error.add_note(f"while building `{block.key}` ({block.component.entry})")
    return problem_at(block, recipe, f"{what}: {last_line(error)}")


def problem_at(block: Block, recipe: Recipe, message: str) -> BuildError:
    """An error at a block's place that begins with the component's name and provider."""
    return BuildError(Problem(recipe.place(*block.path, "use"), block.key, f"{block.component.entry} {message}"))


def last_line(error: BaseException) -> str:
    """What the last line of the traceback would say; all of it where the message was written for the user."""
    if isinstance(error, ToolkitError):
        return str(error)
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__


def _is_dataset(result: Any) -> bool:
    splits = all(hasattr(result, name) for name in ("train", "val", "test"))
    return isinstance(result, LightningDataModule) or (splits and isinstance(getattr(result, "facts", {}), Mapping))


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "task": lambda result: isinstance(result, LightningModule),
    "model": lambda result: isinstance(result, nn.Module),
    "dataset": _is_dataset,
    "loss": callable,
    "optimizer": lambda result: isinstance(result, Optimizer),
    # Lightning could not save one without `state_dict`; classes that are not torch's may have it too.
    "scheduler": (lambda result: isinstance(result, (LRScheduler, ReduceLROnPlateau)) or hasattr(result, "state_dict")),
    "metric": lambda result: isinstance(result, (Metric, MetricCollection)),
    "transform": callable,
    "callback": lambda result: isinstance(result, Callback),
    "logger": lambda result: isinstance(result, Logger),
    "part": lambda _: True,
}
"""By kind, whether something is what a component must make: the tests of `toolkit.registry.kinds.About.makes`."""


def _expect(block: Block, recipe: Recipe, result: Any) -> None:
    if _FITS[block.kind](result):
        return
    found = f"{type(result).__module__}.{type(result).__qualname__}".removeprefix("builtins.")
    hint = ""
    if any(base.__module__.startswith("lightning.") for base in type(result).__mro__):
        hint = "; import from pytorch_lightning, not from lightning: their classes are not the same"
    raise problem_at(
        block, recipe, f"made a {found}; {with_article(block.kind)} must be {ABOUT[block.kind].makes}{hint}"
    )
