"""Which values fit which types, in which words they are refused, and what is passed on."""

from __future__ import annotations

import datetime
import enum
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar

import pytest
import torch
from torch import Tensor, nn

from toolkit.check import MISSING, Parameter, converted, signature_of
from toolkit.check.types import Mismatch, fits, mismatch
from toolkit.registry import BrokenComponent, Registry, load


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Deep(enum.Enum):
    NET = object()


Width = NewType("Width", int)
Size = TypeVar("Size", int, str)
Anything = TypeVar("Anything")

ACCEPTED: list[tuple[Any, Any]] = [
    (1, int),
    (1, float),
    (0.5, float),
    (float("nan"), float),
    (float("inf"), float),
    (True, bool),
    ("text", str),
    (None, None),
    (None, Optional[int]),  # noqa: UP045
    (None, int | None),
    ("data", Path),
    ("data", os.PathLike[str]),
    ("data", str | Path),
    ("00:30:00", datetime.timedelta),
    ("P1D", datetime.timedelta),
    ("red", Color),
    ("mean", Literal["mean", "sum"]),
    (16, Literal[16, "16"]),
    ([1, 2], list[int]),
    ([1, 2], tuple[int, int]),
    ([1, 2], tuple[int, ...]),
    ([1, "x"], tuple),
    ([1, 2], Sequence[float]),
    ([1, 2], Iterable[int]),
    ([1, 2], set[int]),
    ([], list[int]),
    ({"a": 1}, dict[str, int]),
    ({"1": 1}, dict[int, int]),
    ({"a": [1]}, Mapping[str, list[int]]),
    ({"a": 1}, dict),
    (3, int | list[int]),
    ([3], int | list[int]),
    (0.9, float | Tensor),
    ([0.9, 0.1], Tensor),
    ([[1, 2], [3, 4]], Tensor | None),
    ([0.9, 0.1], tuple[float | Tensor, float | Tensor]),
    (3, Annotated[int, "a comment"]),
    (3, Width),
    ("x", Size),
    # what is not plain is left to the component
    ("x", Any),
    ("x", object),
    ("x", nn.Module),
    ("x", nn.Module | None),
    ("x", Callable[[int], int]),
    ("x", Deep),
    ("x", Anything),
    ("x", MISSING),
    ([{"a": 1}, 2], list[nn.Module]),
    ([1, 2], Sequence[Any]),
]

REFUSED: list[tuple[Any, Any, str]] = [
    ("high", float, "expected a number, got the text 'high'"),
    (True, float, "expected a number, got true"),
    (True, int, "expected a whole number, got true"),
    (0.5, int, "expected a whole number, got 0.5"),
    (1e5, int, "expected a whole number, got 100000.0; write 100000"),
    (float("inf"), int, "expected a whole number, got inf"),
    (10**400, float, "expected a number, got a number of more than 60 digits"),
    (1, bool, "expected true or false, got 1"),
    ("yes", bool, "expected true or false, got the text 'yes'; write true"),
    ("Off", bool, "expected true or false, got the text 'Off'; write false"),
    ("0.1", float, "expected a number, got the text '0.1'; write it without quotes"),
    ("0.1", int, "expected a whole number, got the text '0.1'"),
    (3, str, "expected text, got 3; write '3'"),
    (None, int, "expected a whole number, got null"),
    ("None", int | None, "expected a whole number, got the text 'None'; write null"),
    ("x" * 80, int, "expected a whole number, got a text of 80 characters"),
    ("\ud800", str, "expected text, got the text '\\ud800'"),
    (3, Path, "expected a path, got 3"),
    (3, datetime.timedelta, "expected a duration such as '01:30:00', got 3"),
    ("meen", Literal["mean", "sum"], "expected one of 'mean', 'sum', got the text 'meen'. Did you mean 'mean'?"),
    (True, Literal[1, 2], "expected one of 1, 2, got true"),
    (1.0, Literal[1, 2], "expected one of 1, 2, got 1.0"),
    (16, Literal["16", "32"], "expected one of '16', '32', got 16; write '16'"),
    ("16", Literal[16, 32], "expected one of 16, 32, got the text '16'; write it without quotes"),
    ("sometimes", bool | Literal["warn"], "expected true, false or 'warn', got the text 'sometimes'"),
    ("green", Color, "expected one of 'red', 'blue', got the text 'green'"),
    ("x", list[int], "expected a list of whole numbers, got the text 'x'"),
    ("x", Iterable[str], "expected a list of texts, got the text 'x'"),
    ([1, 2, 3], tuple[float, float], "expected a list of 2 numbers, got a list of 3 values"),
    ([1], tuple[int, str], "expected a list of 2 values, got a list of 1 value"),
    ({"a": 1}, list[Any], "expected a list, got a mapping"),
    ([1], dict[str, int], "expected a mapping, got a list of 1 value"),
    ([[1]], set[Any], "expected a list, got a list of 1 value"),
    ("x", int | list[int], "expected a whole number or a list of whole numbers, got the text 'x'"),
    ("x", float | int | None, "expected a number, got the text 'x'"),
    ("x", int | nn.Module, "expected a whole number, got the text 'x'"),
    ("x", float | Tensor, "expected a number, got the text 'x'"),
    ("x", Tensor, "expected a tensor (a number, or lists of numbers of equal length), got the text 'x'"),
    (
        [1, [2]],
        Tensor | None,
        "expected a tensor (a number, or lists of numbers of equal length), got a list of 2 values",
    ),
]


@pytest.mark.parametrize(("value", "annotation"), ACCEPTED)
def test_accepted(value: Any, annotation: Any) -> None:
    assert mismatch(value, Parameter("x", annotation)) is None


@pytest.mark.parametrize(("value", "annotation", "message"), REFUSED)
def test_refused(value: Any, annotation: Any, message: str) -> None:
    assert mismatch(value, Parameter("x", annotation)) == Mismatch((), message)


@pytest.mark.parametrize(
    ("value", "annotation", "path", "message"),
    [
        ([1, "x"], list[int], (1,), "expected a whole number, got the text 'x'"),
        ([[1], [2, "x"]], list[list[int]], (1, 1), "expected a whole number, got the text 'x'"),
        ({"a": 1, "b": "x"}, dict[str, int] | None, ("b",), "expected a whole number, got the text 'x'"),
        ({"a": 1}, dict[int, int], ("a",), "expected keys that are whole numbers, got the text 'a'"),
        ([0.9, True], tuple[float, float], (1,), "expected a number, got true"),
    ],
)
def test_the_wrong_item_is_named(value: Any, annotation: Any, path: tuple[Any, ...], message: str) -> None:
    assert mismatch(value, Parameter("x", annotation)) == Mismatch(path, message)


def test_a_default_is_always_right() -> None:
    # `weight: Tensor = None` was the custom before `Tensor | None`
    assert mismatch(None, Parameter("weight", Tensor, default=None)) is None
    # an annotation that its own default contradicts is not trusted
    assert mismatch(0.7, Parameter("momentum", int, default=0.5)) is None
    assert mismatch("x", Parameter("momentum", int, default=3)) is not None


CONVERTED: list[tuple[Any, Any, Any]] = [
    ([1, 2], tuple[int, int], (1, 2)),
    ([1, 2], tuple, (1, 2)),
    ([1, 2], list[float], [1.0, 2.0]),
    ([1, 2], Sequence[int], [1, 2]),
    ([1, 2], frozenset[int], frozenset({1, 2})),
    ([[1, 2]], list[tuple[int, ...]], [(1, 2)]),
    ("data", Path, Path("data")),
    ("data", str | Path, "data"),
    ("00:30:00", datetime.timedelta, datetime.timedelta(minutes=30)),
    ("00:30:00", str | datetime.timedelta, "00:30:00"),
    ("red", Color, Color.RED),
    ({"1": 2}, dict[int, float], {1: 2.0}),
    (1, int | float, 1),
    (1, float, 1.0),
    (1.0, int | float, 1.0),
    # not checked, or not fitting: as it is
    ([1, 2], MISSING, [1, 2]),
    ([1, 2], Any, [1, 2]),
    ("x", int, "x"),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), CONVERTED)
def test_converted(value: Any, annotation: Any, expected: Any) -> None:
    result = converted(value, annotation)
    assert result == expected
    assert type(result) is type(expected)


def test_lists_become_tensors_where_only_a_tensor_will_do() -> None:
    weight = signature_of(nn.CrossEntropyLoss).parameters["weight"].annotation
    # of floats: a loss refuses weights of whole numbers
    assert torch.equal(converted([1, 5], weight), torch.tensor([1.0, 5.0]))
    assert torch.equal(converted(2, Tensor), torch.tensor(2.0))
    assert converted([0.1, 0.2], list[float] | Tensor) == [0.1, 0.2]
    assert converted(0.1, float | Tensor) == 0.1


def test_live_objects_are_passed_on_as_they_are() -> None:
    module = nn.Identity()
    assert converted(module, nn.Module) is module
    assert converted([module], Sequence[nn.Module])[0] is module
    assert converted({"a": module}, Mapping[str, nn.Module]) == {"a": module}


def test_no_built_in_refuses_its_own_defaults(registry: Registry) -> None:
    """A plain default of a component fits its annotation as we read it, for all of torch and torchmetrics we offer."""
    seen = 0
    for entry in registry.entries():
        try:
            signature = signature_of(load(entry).target)
        except (BrokenComponent, TypeError):
            continue
        for parameter in signature.parameters.values():
            if parameter.annotation is not MISSING and isinstance(
                parameter.default, (bool, int, float, str, list, tuple)
            ):
                assert fits(parameter.default, parameter.annotation), f"{entry}: {parameter}"
                seen += 1
    assert seen > 500
