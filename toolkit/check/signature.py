"""Which arguments a component takes by name, with their types and defaults.

Looks at classes and functions that were imported already; calls none of them, and imports neither torch nor a plugin.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import dataclasses
import enum
import functools
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


class _Missing(enum.Enum):
    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""No annotation, one that could not be resolved, or no default."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument that a component takes by name."""

    name: str
    annotation: Any = MISSING
    default: Any = MISSING
    required: bool = False
    """Must be given. What a base class requires, reached through ``**kwargs``, is left to that class."""


@dataclass(frozen=True, slots=True)
class Signature:
    """All arguments that a component takes by name, in the order of its definition."""

    parameters: Mapping[str, Parameter]
    open: bool = False
    """Whatever is given is left to the component, because it was written in C and tells nobody its arguments."""
    by_position: tuple[str, ...] = ()
    """Required parameters that cannot be given by name, and so not by a recipe either."""
    result: Any = MISSING
    """What a function is annotated to return; for a class, the class."""


KNOWN_KEYWORDS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    # Metric.__init__ names none of these: it takes them out of its **kwargs one by one (torchmetrics 1.9).
    ("torchmetrics.metric", "Metric"): {
        "compute_on_cpu": bool,
        "dist_sync_on_step": bool,
        "process_group": MISSING,
        "dist_sync_fn": MISSING,
        "distributed_available_fn": MISSING,
        "sync_on_compute": bool,
        "compute_with_cache": bool,
    },
}
"""By (module, class): what a base class takes through ``**kwargs`` without naming it."""


_ABSTRACT: Final = {name: getattr(collections.abc, name) for name in collections.abc.__all__}
"""``Iterable`` and its kind, which many modules (torch.optim.lr_scheduler) import for type checkers only."""


def signature_of(target: Any) -> Signature:
    """Tell which arguments ``target`` takes by name.

    ``*args`` and parameters that are positional only are left out, because a recipe gives arguments by name.
    ``**kwargs`` is followed to the base classes that take it; a name that none of them has is no argument.

    Args:
        target: a class, a function, a ``functools.partial`` of one, or any other callable.

    Raises:
        TypeError: ``target`` cannot be called.
    """
    if not callable(target):
        raise TypeError(f"{target!r} is neither a class nor a function")
    if isinstance(target, functools.partial):
        return _of_partial(target)
    if isinstance(target, type):
        return _of_class(target)
    return _of_function(target)


@dataclass(frozen=True, slots=True)
class _Definition:
    """One function as it was defined, without ``self`` or ``cls``, and where its annotations have their meaning."""

    function: Any
    parameters: tuple[inspect.Parameter, ...]
    result: Any
    owner: type | None = None

    @property
    def takes_more(self) -> bool:
        return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in self.parameters)

    @property
    def anything(self) -> bool:
        """``(*args, **kwargs)``, which says nothing."""
        return self.takes_more and not self.positions and not self.named()

    @property
    def positions(self) -> list[str]:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return [parameter.name for parameter in self.parameters if parameter.kind in kinds]

    @property
    def by_position(self) -> tuple[str, ...]:
        only = inspect.Parameter.POSITIONAL_ONLY
        return tuple(p.name for p in self.parameters if p.kind is only and p.default is inspect.Parameter.empty)

    def named(self) -> dict[str, Parameter]:
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return {p.name: self._parameter(p) for p in self.parameters if p.kind in kinds}

    def _parameter(self, parameter: inspect.Parameter) -> Parameter:
        required = parameter.default is inspect.Parameter.empty
        default = MISSING if required else parameter.default
        return Parameter(parameter.name, self.resolve(parameter.annotation, parameter.name), default, required)

    def resolve(self, annotation: Any, name: str = "return") -> Any:
        """The type that ``annotation`` means in the module of this function, or MISSING."""
        if annotation is inspect.Parameter.empty:
            return MISSING
        owner = self.owner
        names = getattr(inspect.unwrap(self.function), "__globals__", {})
        try:
            if owner is not None and dataclasses.is_dataclass(owner):
                # The generated __init__ belongs to the last class, but a field's text was written in another module.
                owner = next((c for c in owner.__mro__ if name in inspect.get_annotations(c)), owner)
                names = vars(sys.modules[owner.__module__])
            # A class's own names come last: nn.Module has a method `float`, which no annotation means.
            known = {**_ABSTRACT, **(vars(owner) if owner else {}), **vars(builtins), **names}
            holder = types.SimpleNamespace(__annotations__={name: annotation})
            hints = typing.get_type_hints(holder, known, {})
        except Exception:
            # Evaluating a stranger's text can raise anything: a name imported under TYPE_CHECKING only, syntax of a
            # newer Python. One unknown type is no reason to refuse a recipe; that argument stays unchecked.
            return MISSING
        return hints[name]


def _read(function: Any, owner: type | None = None, *, bound: bool = True) -> _Definition | None:
    """The definition of ``function``, or None for one written in C that does not tell its parameters."""
    try:
        if sys.version_info >= (3, 14):  # annotations are evaluated late there, and may fail here
            from annotationlib import Format

            signature = inspect.signature(function, annotation_format=Format.FORWARDREF)
        else:
            signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    parameters = tuple(signature.parameters.values())
    if not bound and parameters and parameters[0].kind in (parameters[0].POSITIONAL_ONLY, _PLAIN):
        parameters = parameters[1:]
    definition = _Definition(function, parameters, signature.return_annotation, owner)
    is_python = hasattr(inspect.unwrap(function), "__globals__") or not isinstance(function, _WRITTEN_IN_C)
    return definition if is_python or not definition.anything else None


_PLAIN: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD
_WRITTEN_IN_C: Final = (types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType)


def _of_partial(target: functools.partial[Any]) -> Signature:
    """What ``partial`` left of a signature: its keywords are defaults now, its positions are taken."""
    inner = signature_of(target.func)
    names = list(inner.parameters)
    taken = names[: max(0, len(target.args) - len(inner.by_position))]
    parameters = {name: parameter for name, parameter in inner.parameters.items() if name not in taken}
    for name, value in target.keywords.items():
        annotation = parameters[name].annotation if name in parameters else MISSING
        parameters[name] = Parameter(name, annotation, value)
    return Signature(parameters, inner.open, inner.by_position[len(target.args) :], inner.result)


def _of_function(target: Any) -> Signature:
    definition = _read(target)
    if definition is None:
        return Signature({}, open=True)
    if not hasattr(inspect.unwrap(target), "__globals__"):  # an object that can be called
        definition = dataclasses.replace(definition, function=getattr(type(target), "__call__"))  # noqa: B004, B009
    parameters = definition.named()
    result = definition.resolve(definition.result)
    if definition.takes_more and isinstance(result, type):
        # A builder such as torchvision's resnet18(**kwargs) -> ResNet hands them to the class that it returns, where
        # it gives all that the class requires.
        for parameter in _of_class(result).parameters.values():
            if not parameter.required:
                parameters.setdefault(parameter.name, parameter)
    return Signature(parameters, by_position=definition.by_position, result=result)


def _of_class(cls: type) -> Signature:
    told = getattr(cls, "__signature__", None)
    if isinstance(told, inspect.Signature):  # pydantic models and others say it themselves
        definition = _Definition(cls, tuple(told.parameters.values()), cls)
        return Signature(definition.named(), by_position=definition.by_position, result=cls)
    chain = _constructors(cls)
    if not chain:
        return Signature({}, result=cls)
    if chain[0] is None:
        return Signature({}, open=True, result=cls)
    parameters = chain[0].named()
    given: set[str] = set()
    above = chain[0]
    for base in chain[1:]:
        passed = _given_to_base(above, base) if base is not None and above.takes_more else None
        if base is None or passed is None:
            break
        given |= passed
        for name, parameter in base.named().items():
            if name not in given:
                parameters.setdefault(name, Parameter(name, parameter.annotation, parameter.default))
        above = base
    if above.takes_more:
        for base_class in cls.__mro__:
            for name, annotation in KNOWN_KEYWORDS.get((base_class.__module__, base_class.__name__), {}).items():
                parameters.setdefault(name, Parameter(name, annotation))
    return Signature(parameters, by_position=chain[0].by_position, result=cls)


def _constructors(cls: type) -> list[_Definition | None]:
    """What sees the arguments of ``cls(...)``: the metaclass's ``__call__``, or ``__new__`` or ``__init__`` with bases.

    torchmetrics' Accuracy and its kind take their arguments in ``__new__`` and inherit an ``__init__`` that does not
    name them, so that the one defined nearest to the class counts, unless it is a bare ``(*args, **kwargs)``.
    """
    call = type(cls).__call__
    if isinstance(call, types.FunctionType):
        definition = _read(call, cls, bound=False)
        if definition is not None and not definition.anything:
            return [definition]
    found = []
    for method in ("__init__", "__new__"):
        owners = [owner for owner in cls.__mro__[:-1] if method in owner.__dict__]
        functions = [getattr(owner.__dict__[method], "__func__", owner.__dict__[method]) for owner in owners]
        chain = [_read(function, owner, bound=False) for function, owner in zip(functions, owners, strict=True)]
        if chain:
            says_nothing = chain[0] is None or chain[0].anything
            found.append((says_nothing, cls.__mro__.index(owners[0]), chain))
    # min() keeps the first of equals, which is __init__.
    return min(found, key=lambda each: each[:2])[2] if found else []


def _given_to_base(above: _Definition, base: _Definition) -> set[str] | None:
    """Parameters of ``base`` that ``above`` gives itself in ``super().__init__(x, beta=1.0, **kwargs)``.

    A recipe that gave them too would end in "got multiple values for keyword argument". None where the source shows
    that ``**kwargs`` goes somewhere else.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(above.function))))
    except (OSError, TypeError, SyntaxError):  # no source on this machine: the constructor itself will say it
        return set()
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__"
    ]
    passing = [call for call in calls if any(keyword.arg is None for keyword in call.keywords)]
    if calls and not passing:
        return None
    given: set[str] = set()
    for call in passing:
        given.update(keyword.arg for keyword in call.keywords if keyword.arg is not None)
        positional = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
        # Base.__init__(self, x) gives one more than super().__init__(x).
        through_super = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
        given.update(base.positions[: len(positional) - (0 if through_super else 1)])
    return given
