"""Parameters of a model by name, and the patterns that a recipe picks them with. Imports torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from toolkit.errors import did_you_mean

# Not NormalHead; but BatchNormalization.
_NORM = re.compile(r"Norm(?!al(?!i))")
# MultiheadAttention has in_proj_bias and bias_k, the recurrent layers bias_ih_l0.
_BIAS = re.compile(r"(^|_)bias(_|$)")


@dataclass(frozen=True, eq=False)
class NamedParameter:
    """One parameter of a model, under every name it has."""

    parameter: nn.Parameter
    owner: nn.Module
    """The module that holds it itself."""
    names: tuple[str, ...]
    """Its dotted names; more than one where modules share it."""

    @property
    def name(self) -> str:
        return self.names[0]


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalises: its class or a base class of it says so by name, as all of torch's do."""
    return any(_NORM.search(base.__name__) for base in type(module).__mro__)


_WORDS: dict[str, Callable[[NamedParameter], bool]] = {
    "bias": lambda named: any(_BIAS.search(name.rpartition(".")[2]) for name in named.names),
    "norm": lambda named: is_norm(named.owner),
}


def named_parameters(module: nn.Module, model: nn.Module | None = None) -> list[NamedParameter]:
    """All parameters of ``module``, each once, in the order of definition.

    A parameter of ``model`` has its name in there, whatever the name of ``model`` in ``module``, and those come first:
    a recipe's ``model.freeze`` and ``optimizer.groups`` mean the same by ``backbone``.
    """
    within = {id(parameter) for parameter in module.parameters()}
    found: dict[int, tuple[nn.Parameter, nn.Module, list[str]]] = {}
    roots = [module] if model is None else [model, module]
    named_by_model: set[int] = set()
    for root in roots:
        for prefix, owner in root.named_modules():
            for last, parameter in owner.named_parameters(prefix, recurse=False, remove_duplicate=False):
                if id(parameter) not in within or id(parameter) in named_by_model:
                    continue
                found.setdefault(id(parameter), (parameter, owner, []))[2].append(last)
        named_by_model = set(found)
    return [NamedParameter(parameter, owner, tuple(names)) for parameter, owner, names in found.values()]


def matches(pattern: str, named: NamedParameter) -> bool:
    """Whether a pattern means a parameter.

    A pattern is ``bias``, or ``norm`` (the parameters of normalisation layers); or a parameter's dotted name; or the
    dotted name of a module, which means everything inside it. In names ``*`` stands for any text, also across dots,
    ``?`` for one character, ``[ab]`` for one of these.
    """
    word = _WORDS.get(pattern)
    if word is not None and word(named):
        return True
    return any(fnmatchcase(part, pattern) for name in named.names for part in _ancestry(name))


def unmatched(pattern: str, parameters: Iterable[NamedParameter]) -> str:
    """The sentence for a pattern that means no parameter: the nearest names, or the first ones there are."""
    parts: dict[str, None] = {}
    tops: dict[str, None] = {}
    for named in parameters:
        for name in named.names:
            parts.update(dict.fromkeys(_ancestry(name)))
            tops[name.partition(".")[0]] = None
    hint = did_you_mean(pattern, [*parts, *_WORDS])
    if not hint:
        hint = f" The model has {_listed(list(tops))}; {', '.join(_WORDS)} mean parameters by what they are."
    return f"{pattern!r} matches no parameter of the model.{hint}"


def _ancestry(name: str) -> Sequence[str]:
    """``a.b.weight``: itself, ``a.b`` and ``a``."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
