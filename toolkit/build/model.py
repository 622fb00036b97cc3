"""What a recipe asks of a built model: weights to begin with (``init_from``), parameters to leave alone (``freeze``).

Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.build.construct import BuildError
from toolkit.build.patterns import is_norm, matches, named_parameters, unmatched
from toolkit.check.report import Report
from toolkit.checksum import check_whole, sidecar
from toolkit.errors import Problem, RecipeError, RequestError, ToolkitError
from toolkit.recipe import Recipe

FindWeights = Callable[[str], Path]
"""From what ``init_from`` says, where it is not a file, to a checkpoint; raises a ToolkitError when there is none."""

_SHOWN = 8


def freeze(model: nn.Module, patterns: str | list[str] | tuple[str, ...], recipe: Recipe) -> int:
    """Leave the parameters that patterns match as they are: no gradients, no optimizer, no decay.

    A normalisation layer that is frozen as a whole is put into evaluation mode as well, because its running statistics
    would else go on changing what the frozen layers compute. (Lightning keeps the modes it finds: since 2.2 it does not
    call ``train()`` on a module whose parts were put into evaluation mode.)

    Args:
        model: changed in place.
        patterns: as in an optimizer's ``groups``; see :func:`toolkit.build.patterns.matches`.
        recipe: for the places of patterns that match nothing.

    Returns:
        The number of values frozen.

    Raises:
        RecipeError: patterns that match nothing; all of them at once.
    """
    listed = [patterns] if isinstance(patterns, str) else list(patterns)
    parameters = named_parameters(model)
    report = Report(recipe)
    for index, pattern in enumerate(listed):
        if not any(matches(pattern, named) for named in parameters):
            report.at_value(("model", "freeze", index), unmatched(pattern, parameters), key=("model", "freeze"))
    if report.problems():
        raise RecipeError(report.problems())
    frozen = [named for named in parameters if any(matches(pattern, named) for pattern in listed)]
    for named in frozen:
        named.parameter.requires_grad_(False)
    for owner in {named.owner for named in frozen}:
        if is_norm(owner) and not any(parameter.requires_grad for parameter in owner.parameters(recurse=False)):
            owner.eval()
    return sum(named.parameter.numel() for named in frozen)


def init_from(model: nn.Module, source: str, recipe: Recipe, find_weights: FindWeights | None) -> None:
    """Begin with the weights of a file or of an earlier run; every name and every shape must agree.

    Args:
        model: changed in place.
        source: a file (relative to the folder of the recipe that says so, to that of the recipe which is run, or to the
            working folder), or what ``find_weights`` knows.
        recipe: for the place of messages.
        find_weights: where to look for a run.

    Raises:
        BuildError: there is no such file or run, it is damaged or holds no weights, or they do not fit.
    """

    def wrong(message: str) -> BuildError:
        return BuildError(Problem(recipe.place("model", "init_from"), "model.init_from", message))

    candidates = (recipe.folder_of("model", "init_from") / source, recipe.folder / source, Path(source))
    try:
        file = next((file for file in candidates if file.is_file()), None) or (find_weights and find_weights(source))
        if file is None:
            raise wrong(f"there is no file {source!r}")
        weights = weights_of(file)
    except BuildError:
        raise
    except ToolkitError as error:
        raise wrong(str(error)) from error
    misfits = _misfits(model.state_dict(), weights)
    if misfits:
        raise wrong(f"the weights of {source!r} do not fit the model:\n" + "\n".join(f"  {line}" for line in misfits))
    model.load_state_dict(weights)


def weights_of(file: Path) -> dict[str, Tensor]:
    """The weights of a model, by name: out of a run's checkpoint, or a file that holds nothing else.

    A file with a checksum beside it, as every checkpoint of a run has one, is compared with it first.

    Raises:
        RequestError: the file holds no weights, or more than tensors and plain values (which could run code).
        DamagedCheckpoint: it is not what was written.
    """
    if sidecar(file).is_file():
        check_whole(file)
    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch has no common error for files that are cut off, are no archive, or hold more than plain values.
        reason = str(error).strip().partition("\n")[0]
        raise RequestError(f"{file} cannot be read as weights: {type(error).__name__}: {reason}") from error
    if isinstance(held, Mapping) and isinstance(held.get("state_dict"), Mapping):
        held = held["state_dict"]
        inside = {name.removeprefix("model."): value for name, value in held.items() if name.startswith("model.")}
        held = inside or held
    if not isinstance(held, Mapping) or not held or not all(isinstance(value, Tensor) for value in held.values()):
        raise RequestError(f"{file} holds no weights: it should hold a mapping from names to tensors, or a checkpoint")
    return {str(name): value for name, value in held.items()}


def _misfits(model: Mapping[str, Any], weights: Mapping[str, Tensor]) -> list[str]:
    shapes = [
        f"{name} has the shape {list(weights[name].shape)}, and the model's {list(value.shape)}"
        for name, value in model.items()
        if name in weights and isinstance(value, Tensor) and weights[name].shape != value.shape
    ]
    found = [
        ("missing", [name for name in model if name not in weights]),
        ("not in the model", [name for name in weights if name not in model]),
    ]
    lines = [f"{what}: {', '.join(names[:_SHOWN])}{_rest(names)}" for what, names in found if names]
    return [*lines, *shapes[:_SHOWN], *([f"and {len(shapes) - _SHOWN} more shapes"] if len(shapes) > _SHOWN else [])]


def _rest(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
