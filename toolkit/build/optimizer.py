"""Makes the optimizer of a recipe: parameter groups by pattern, and the fused implementation where it can be used.

Imports torch; of Lightning nothing but what a module tells of its trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from toolkit.build.construct import construct, problem_at
from toolkit.build.patterns import NamedParameter, matches, named_parameters, unmatched
from toolkit.build.sparse import refused, sparse_parameters
from toolkit.check import Block
from toolkit.check.report import Report
from toolkit.errors import RecipeError
from toolkit.recipe import Recipe

OptimizerFactory = Callable[[nn.Module], Optimizer]


def optimizer_factory(block: Block, recipe: Recipe, model: nn.Module | None) -> OptimizerFactory:
    """The function that a task calls with itself, or any module, to get an optimizer over its parameters.

    Args:
        block: the recipe's ``optimizer``.
        recipe: for the places of its patterns, and for the trainer's precision and clipping where the module has no
            trainer yet.
        model: the recipe's model; patterns mean its names, whatever a task calls it.

    Returns:
        A function from a module to an optimizer over its parameters that are not frozen. It raises RecipeError for
        patterns that match nothing, BuildError for what the optimizer itself refuses, and for sparse gradients that it
        could not take. It is a plain function because
        Lightning's weight averaging copies a task with all it holds.
    """

    def optimizer(module: nn.Module) -> Optimizer:
        groups = parameter_groups(block, recipe, module, model)
        given: dict[str, Any] = {"params": groups}
        if _fused_by_default(block, recipe, module, groups):
            given["fused"] = True
        made: Optimizer = construct(block, given, {}, recipe=recipe)
        why = refused(made, sparse_parameters(module))
        if why is not None:
            raise problem_at(block, recipe, why)
        return made

    return optimizer


def parameter_groups(
    block: Block, recipe: Recipe, module: nn.Module, model: nn.Module | None = None
) -> list[dict[str, Any]]:
    """The parameters of ``module`` in groups with one set of options each, as ``torch.optim`` takes them.

    A parameter belongs to the first pattern of ``groups`` that matches it. Those that ``no_decay`` matches form a group
    of their own beside it, with ``weight_decay`` 0. Frozen parameters are left out, shared ones come once. A group has
    a ``name`` (shown by the learning-rate monitor) where there are several.

    ``module`` may be a part of ``model``, for a task that makes several optimizers: patterns mean names of the whole
    model then too, and one that means another part is passed over. All were tried on the whole task before.

    Raises:
        RecipeError: patterns that match nothing; all of them at once.
        BuildError: every parameter is frozen.
    """
    parameters = named_parameters(module, model)
    options: Mapping[str, Mapping[str, Any]] = block.words.get("groups") or {}
    no_decay = _patterns(block.words.get("no_decay"))
    if model is None or _holds(module, model):
        _check_patterns(block, recipe, parameters)
    trainable = [named for named in parameters if named.parameter.requires_grad]
    if not trainable:
        raise problem_at(block, recipe, "has nothing to optimize: every parameter of the model is frozen")
    found: dict[tuple[str, bool], list[nn.Parameter]] = {
        (pattern, decays): [] for pattern in ("", *options) for decays in (True, False)
    }
    for named in trainable:
        pattern = next((pattern for pattern in options if matches(pattern, named)), "")
        decays = not any(matches(word, named) for word in no_decay)
        found[pattern, decays].append(named.parameter)

    groups = []
    for (pattern, decays), members in found.items():
        if members:
            settings = dict(options.get(pattern) or {})
            if not decays:
                settings["weight_decay"] = 0.0
            label = (pattern or "rest" if options else "all") + ("" if decays else ", no decay")
            groups.append({"params": members, **settings, "name": label})
    if len(groups) == 1:
        del groups[0]["name"]
    return groups


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """What an optimizer really does, as plain values for the record of a run."""
    return {
        "class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "fused": bool(optimizer.defaults.get("fused")),
        "groups": [
            {
                "name": group.get("name", "all"),
                "parameters": sum(parameter.numel() for parameter in group["params"]),
                **{name: float(group[name]) for name in ("lr", "weight_decay") if name in group},
            }
            for group in optimizer.param_groups
        ],
    }


def _patterns(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _holds(module: nn.Module, model: nn.Module) -> bool:
    """Whether ``module`` is all of the model, or more."""
    within = {id(parameter) for parameter in module.parameters()}
    return all(id(parameter) in within for parameter in model.parameters())


def _check_patterns(block: Block, recipe: Recipe, parameters: list[NamedParameter]) -> None:
    report = Report(recipe)
    taken: set[int] = set()
    for pattern in block.words.get("groups") or {}:
        path = (*block.path, "groups", pattern)
        matched = {index for index, named in enumerate(parameters) if matches(pattern, named)}
        if not matched:
            report.at_key(path, unmatched(pattern, parameters))
        elif matched <= taken:
            report.at_key(path, "earlier patterns take every parameter that it matches; the first that matches wins")
        taken |= matched
    no_decay = _patterns(block.words.get("no_decay"))
    if no_decay and "weight_decay" not in block.signature.parameters:
        message = f"{block.name} has no argument 'weight_decay', so there is nothing to except parameters from"
        report.at_key((*block.path, "no_decay"), message)
        no_decay = ()
    for index, pattern in enumerate(no_decay):
        if not any(matches(pattern, named) for named in parameters):
            path = (*block.path, "no_decay")
            report.at_value((*path, index), unmatched(pattern, parameters), key=path)
    if report.problems():
        raise RecipeError(report.problems())


def _fused_by_default(block: Block, recipe: Recipe, module: nn.Module, groups: list[dict[str, Any]]) -> bool:
    """Whether to ask for the fused implementation, which takes one pass over memory instead of several.

    Only where torch has one (torch 2.14: SGD, Adam, AdamW, Adagrad, for real floating-point parameters on CPU and
    CUDA), and the recipe asks for no other.
    """
    others = ("fused", "foreach", "differentiable", "capturable")
    if "fused" not in block.signature.parameters or any(name in block.arguments for name in others):
        return False
    if next(sparse_parameters(module), None) is not None:
        return False  # the fused kernels refuse sparse gradients
    if not all(
        parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda")
        for group in groups
        for parameter in group["params"]
    ):
        return False
    return not _clips_in_mixed_precision(recipe, module)


def _clips_in_mixed_precision(recipe: Recipe, module: nn.Module) -> bool:
    # Lightning's MixedPrecision.clip_gradients raises for an optimizer that unscales its own gradients, as the fused
    # ones do, under bf16-mixed too (pytorch-lightning 2.6).
    try:
        trainer: Any = module.trainer
        precision, clip = trainer.precision, trainer.gradient_clip_val
    except (AttributeError, RuntimeError):  # no LightningModule, or one without a trainer yet
        precision, clip = recipe.get("trainer", "precision"), recipe.get("trainer", "gradient_clip_val")
    mixed = str(precision).endswith("mixed") or str(precision) in ("16", "bf16", "auto")
    return mixed and bool(clip)
