"""The schema of an annotation accepts what checking accepts, value by value."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from jsonschema import Draft7Validator
from torch import nn

from toolkit.check.types import fits
from toolkit.schema.definitions import TENSOR
from toolkit.schema.types import type_schema


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


ANNOTATIONS = [
    bool,
    int,
    float,
    str,
    Path,
    None,
    Any,
    object,
    nn.Module,
    int | None,
    float | torch.Tensor,
    str | list[str] | None,
    nn.Module | None,
    nn.Module | int,
    torch.Tensor | None,
    Literal["sum", "mean"] | None,
    Literal[1, "auto"],
    Colour,
    list[int],
    list[list[float]],
    Sequence[str],
    tuple[int, int],
    tuple[float, ...],
    set[str],
    dict[str, int],
    Mapping[str, float | None],
    dict[str, Any],
    datetime.timedelta,
]
VALUES = [
    None,
    True,
    0,
    1,
    -3,
    2.5,
    "",
    "auto",
    "red",
    "sum",
    "01:30:00",
    [],
    [1],
    [1, 2],
    [1, 2, 3],
    [1.5, 2.5],
    [[1.0, 2.0], [3.0, 4.0]],
    ["a"],
    [1, "a"],
    {},
    {"a": 1},
    {"a": 1.5},
    {"a": None},
    {"a": "b"},
]


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_it_accepts_what_fits(annotation: Any) -> None:
    anything: dict[str, Any] = {}
    definitions = {"tensor": TENSOR, "reference": False, "value:part": anything, "instead:part": False}
    validator = Draft7Validator({**type_schema(annotation, "part"), "definitions": definitions})
    if "$ref" in validator.schema:
        validator = Draft7Validator(anything)
    wrong = [value for value in VALUES if validator.is_valid(value) != fits(value, annotation)]
    # A duration is told from any other text by the check alone.
    loose = {datetime.timedelta: ["", "auto", "red", "sum"]}
    assert wrong == loose.get(annotation, [])


def test_a_default_fits_whatever_the_annotation_says() -> None:
    assert type_schema(int, "part", None)["anyOf"][0]["type"] == ["integer", "null"]
    assert type_schema(int, "part", "auto") == {"$ref": "#/definitions/value:part"}
